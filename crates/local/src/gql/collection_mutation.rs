//! Linking versions to portfolios, and changing collections.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::artifact::Tag;
use super::artifact_input::{ArtifactAliasInput, TagInput, names_of};
use super::collection::{ArtifactCollection, Collection};
use super::membership::ArtifactCollectionMembership;
use super::run_input::{DONE, Success};
use super::scalars::row;
use super::{app, entity};
use crate::error::{StoreError, StoreResult};
use crate::store::artifacts;
use crate::store::collections::{self, CollectionRow, Kind};
use crate::store::upsert::DEFAULT_PROJECT;
use crate::store::{members, removal, runs};

/// Mutations of collections.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CollectionMutation;

/// A version to link.
#[derive(Debug, InputObject)]
pub(crate) struct LinkArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: Option<ID>,
    #[graphql(name = "clientID")]
    client_id: Option<ID>,
    #[graphql(name = "artifactPortfolioID")]
    artifact_portfolio_id: Option<ID>,
    artifact_portfolio_name: Option<String>,
    entity_name: Option<String>,
    project_name: Option<String>,
    aliases: Option<Vec<ArtifactAliasInput>>,
    client_mutation_id: Option<String>,
}

/// Where it was linked to.
#[derive(SimpleObject)]
pub(crate) struct LinkArtifactPayload {
    version_index: Option<i64>,
    artifact_membership: Option<ArtifactCollectionMembership>,
}

/// A link to take away.
#[allow(clippy::struct_field_names, reason = "the schema's names")]
#[derive(Debug, InputObject)]
pub(crate) struct UnlinkArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    #[graphql(name = "artifactPortfolioID")]
    artifact_portfolio_id: ID,
    client_mutation_id: Option<String>,
}

/// Changes to a sequence.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactSequenceInput {
    #[graphql(name = "artifactSequenceID")]
    artifact_sequence_id: ID,
    name: Option<String>,
    description: Option<String>,
    client_mutation_id: Option<String>,
}

/// Changes to a portfolio.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactPortfolioInput {
    #[graphql(name = "artifactPortfolioID")]
    artifact_portfolio_id: ID,
    name: Option<String>,
    description: Option<String>,
    client_mutation_id: Option<String>,
}

/// A sequence's new type.
#[derive(Debug, InputObject)]
pub(crate) struct MoveArtifactSequenceInput {
    #[graphql(name = "artifactSequenceID")]
    artifact_sequence_id: ID,
    destination_artifact_type_name: String,
    client_mutation_id: Option<String>,
}

/// A sequence to delete with its versions.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteArtifactSequenceInput {
    #[graphql(name = "artifactSequenceID")]
    artifact_sequence_id: ID,
    client_mutation_id: Option<String>,
}

/// A portfolio to delete with its links.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteArtifactPortfolioInput {
    #[graphql(name = "artifactPortfolioID")]
    artifact_portfolio_id: ID,
    client_mutation_id: Option<String>,
}

/// Tags to add to a collection.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactCollectionTagAssignmentsInput {
    entity_name: String,
    project_name: String,
    artifact_collection_name: String,
    tags: Vec<TagInput>,
    #[graphql(name = "clientMutationID")]
    client_mutation_id: Option<String>,
}

/// Tags to take away from a collection.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteArtifactCollectionTagAssignmentsInput {
    entity_name: String,
    project_name: String,
    artifact_collection_name: String,
    tags: Vec<TagInput>,
    #[graphql(name = "clientMutationID")]
    client_mutation_id: Option<String>,
}

/// A collection after a change.
#[derive(SimpleObject)]
pub(crate) struct ArtifactCollectionPayload {
    artifact_collection: ArtifactCollection,
}

/// A collection's tags after a change.
#[derive(SimpleObject)]
pub(crate) struct TagsPayload {
    tags: Vec<Tag>,
}

#[Object]
impl CollectionMutation {
    async fn link_artifact(
        &self,
        context: &Context<'_>,
        input: LinkArtifactInput,
    ) -> Result<LinkArtifactPayload> {
        let now = app(context)?.now();
        let member = app(context)?
            .store
            .write(move |db| input.apply(db, now))
            .await?;
        Ok(LinkArtifactPayload {
            version_index: member.version,
            artifact_membership: Some(ArtifactCollectionMembership(member)),
        })
    }

    async fn unlink_artifact(
        &self,
        context: &Context<'_>,
        input: UnlinkArtifactInput,
    ) -> Result<Success> {
        let artifact = row("Artifact", &input.artifact_id)?;
        let portfolio = row("ArtifactCollection", &input.artifact_portfolio_id)?;
        app(context)?
            .store
            .write(move |db| {
                let portfolio = collections::by_id(db, portfolio)?;
                members::unlink(db, artifact, &portfolio)
            })
            .await?;
        Ok(DONE)
    }

    async fn update_artifact_sequence(
        &self,
        context: &Context<'_>,
        input: UpdateArtifactSequenceInput,
    ) -> Result<ArtifactCollectionPayload> {
        let id = row("ArtifactCollection", &input.artifact_sequence_id)?;
        update(context, id, (input.name, input.description, None)).await
    }

    async fn update_artifact_portfolio(
        &self,
        context: &Context<'_>,
        input: UpdateArtifactPortfolioInput,
    ) -> Result<ArtifactCollectionPayload> {
        let id = row("ArtifactCollection", &input.artifact_portfolio_id)?;
        update(context, id, (input.name, input.description, None)).await
    }

    async fn move_artifact_sequence(
        &self,
        context: &Context<'_>,
        input: MoveArtifactSequenceInput,
    ) -> Result<ArtifactCollectionPayload> {
        let id = row("ArtifactCollection", &input.artifact_sequence_id)?;
        let kind = Some(input.destination_artifact_type_name);
        update(context, id, (None, None, kind)).await
    }

    async fn delete_artifact_sequence(
        &self,
        context: &Context<'_>,
        input: DeleteArtifactSequenceInput,
    ) -> Result<ArtifactCollectionPayload> {
        delete(context, &input.artifact_sequence_id).await
    }

    async fn delete_artifact_portfolio(
        &self,
        context: &Context<'_>,
        input: DeleteArtifactPortfolioInput,
    ) -> Result<ArtifactCollectionPayload> {
        delete(context, &input.artifact_portfolio_id).await
    }

    async fn create_artifact_collection_tag_assignments(
        &self,
        context: &Context<'_>,
        input: CreateArtifactCollectionTagAssignmentsInput,
    ) -> Result<TagsPayload> {
        let path = (input.entity_name, input.project_name);
        let names = names_of(Some(input.tags));
        retag(
            context,
            path,
            input.artifact_collection_name,
            names,
            Vec::new(),
        )
        .await
    }

    async fn delete_artifact_collection_tag_assignments(
        &self,
        context: &Context<'_>,
        input: DeleteArtifactCollectionTagAssignmentsInput,
    ) -> Result<Success> {
        let path = (input.entity_name, input.project_name);
        let names = names_of(Some(input.tags));
        retag(
            context,
            path,
            input.artifact_collection_name,
            Vec::new(),
            names,
        )
        .await?;
        Ok(DONE)
    }
}

impl LinkArtifactInput {
    fn apply(self, db: &rusqlite::Connection, now: f64) -> StoreResult<members::Member> {
        let artifact = match (self.artifact_id, self.client_id) {
            (Some(id), _) => artifacts::by_id(db, row("Artifact", &id)?)?,
            (None, Some(client)) => artifacts::by_client_id(db, &client)?.ok_or_else(|| {
                StoreError::NotFound(String::from("artifact with that client id"))
            })?,
            (None, None) => {
                return Err(StoreError::Refused(String::from(
                    "linkArtifact needs artifactID or clientID",
                )));
            }
        };
        let portfolio = if let Some(id) = self.artifact_portfolio_id {
            collections::by_id(db, row("ArtifactCollection", &id)?)?
        } else {
            let name = self.artifact_portfolio_name.ok_or_else(|| {
                StoreError::Refused(String::from("linkArtifact needs a portfolio"))
            })?;
            let entity = entity(self.entity_name.as_deref());
            let project = self.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
            let project = runs::project_or_new(db, &entity, project, now)?;
            let source = collections::by_id(db, artifact.collection_id)?;
            let kind = Kind::Portfolio;
            collections::require(db, project.id, &name, &source.artifact_type, kind, now)?
        };
        let aliases = self.aliases.into_iter().flatten();
        let names: Vec<String> = aliases.map(|input| input.alias).collect();
        members::link(db, &artifact, &portfolio, &names, now)
    }
}

type Change = (Option<String>, Option<String>, Option<String>);

async fn update(
    context: &Context<'_>,
    id: i64,
    (name, description, kind): Change,
) -> Result<ArtifactCollectionPayload> {
    let now = app(context)?.now();
    let row = app(context)?
        .store
        .write(move |db| {
            let change = (name.as_deref(), description.as_deref(), kind.as_deref());
            collections::update(db, id, change, now)
        })
        .await?;
    Ok(ArtifactCollectionPayload {
        artifact_collection: row.into(),
    })
}

async fn delete(context: &Context<'_>, id: &ID) -> Result<ArtifactCollectionPayload> {
    let number = row("ArtifactCollection", id)?;
    let app = app(context)?;
    let (row, blobs) = app
        .store
        .write(move |db| removal::collection(db, number))
        .await?;
    app.release(blobs).await?;
    Ok(ArtifactCollectionPayload {
        artifact_collection: deleted(row),
    })
}

fn deleted(row: CollectionRow) -> ArtifactCollection {
    match row.kind {
        Kind::Sequence => ArtifactCollection::Sequence(Collection::deleted(row)),
        Kind::Portfolio => ArtifactCollection::Portfolio(Collection::deleted(row)),
    }
}

async fn retag(
    context: &Context<'_>,
    (entity, project): (String, String),
    name: String,
    add: Vec<String>,
    remove: Vec<String>,
) -> Result<TagsPayload> {
    let tags = app(context)?
        .store
        .write(move |db| {
            let found = collections::by_path(db, &entity, &project, &name)?;
            let collection =
                found.ok_or_else(|| StoreError::NotFound(format!("artifact collection {name}")))?;
            collections::retag(db, &collection, add, &remove)
        })
        .await?;
    Ok(TagsPayload {
        tags: Tag::all(&tags),
    })
}
