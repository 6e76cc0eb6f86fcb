//! Everything that can be asked at the top.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::artifact::Artifact;
use super::collection::ArtifactCollection;
use super::connection::{Connection, Window};
use super::entity::{Entity, Organization};
use super::project::Project;
use super::scalars::{id, row};
use super::user::{ServerInfo, User};
use super::{app, entity};
use crate::store::{artifacts, collections, runs, upsert::DEFAULT_PROJECT};

/// The root of all queries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Query;

/// The server's id for something that a client named itself.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ClientIdMapping {
    #[graphql(name = "serverID")]
    server_id: ID,
}

#[Object]
impl Query {
    async fn viewer(&self) -> User {
        User
    }

    async fn server_info(&self) -> ServerInfo {
        ServerInfo
    }

    async fn entity(&self, name: Option<String>) -> Entity {
        Entity {
            name: entity(name.as_deref()),
        }
    }

    async fn organization(&self, name: String) -> Option<Organization> {
        Organization::named(&name)
    }

    async fn project(
        &self,
        context: &Context<'_>,
        name: Option<String>,
        entity_name: Option<String>,
    ) -> Result<Option<Project>> {
        find_project(context, name, entity_name).await
    }

    async fn model(
        &self,
        context: &Context<'_>,
        name: Option<String>,
        entity_name: Option<String>,
    ) -> Result<Option<Project>> {
        find_project(context, name, entity_name).await
    }

    async fn models(
        &self,
        context: &Context<'_>,
        entity_name: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Project>> {
        let rows = app(context)?
            .store
            .read(move |db| runs::projects(db, entity_name.as_deref()))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, Project))
    }

    async fn artifact(&self, context: &Context<'_>, id: ID) -> Result<Option<Artifact>> {
        let number = row("Artifact", &id)?;
        let found = app(context)?
            .store
            .read(move |db| artifacts::by_id(db, number))
            .await;
        Ok(found.ok().map(Artifact))
    }

    async fn artifact_collection(
        &self,
        context: &Context<'_>,
        id: ID,
    ) -> Result<Option<ArtifactCollection>> {
        let number = row("ArtifactCollection", &id)?;
        let found = app(context)?
            .store
            .read(move |db| collections::by_id(db, number))
            .await;
        Ok(found.ok().map(ArtifactCollection::from))
    }

    #[graphql(name = "clientIDMapping")]
    async fn client_id_mapping(
        &self,
        context: &Context<'_>,
        #[graphql(name = "clientID")] client_id: ID,
    ) -> Result<Option<ClientIdMapping>> {
        let found = app(context)?
            .store
            .read(move |db| artifacts::by_client_id(db, &client_id))
            .await?;
        Ok(found.map(|artifact| ClientIdMapping {
            server_id: id("Artifact", artifact.id).into(),
        }))
    }
}

pub(super) async fn find_project(
    context: &Context<'_>,
    name: Option<String>,
    entity_name: Option<String>,
) -> Result<Option<Project>> {
    let entity = entity(entity_name.as_deref());
    let name = name.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
    let found = app(context)?
        .store
        .read(move |db| runs::project(db, &entity, &name))
        .await?;
    Ok(found.map(Project))
}
