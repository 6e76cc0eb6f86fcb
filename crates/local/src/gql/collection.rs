//! Artifact collections: the versions that share a name.

#![allow(
    clippy::duplicated_attributes,
    reason = "fields of an interface are declared by attributes, and several take the same arguments"
)]

use async_graphql::{Context, ID, Interface, Object, Result};

use super::app;
use super::artifact::{Artifact, ArtifactAlias, ArtifactCollectionMembership, ArtifactType, Tag};
use super::connection::{Connection, Window};
use super::project::Project;
use super::scalars::{DateTime, JsonString, id};
use crate::store::aliases;
use crate::store::artifacts::{self, CollectionRow};
use crate::store::runs::{self, ProjectRow};

/// A collection; only sequences (made by logging) exist here, no portfolios.
#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "ID"),
    field(name = "name", ty = "&str"),
    field(name = "description", ty = "Option<&str>"),
    field(name = "created_at", ty = "DateTime"),
    field(name = "updated_at", ty = "Option<DateTime>"),
    field(name = "project", ty = "Option<Project>"),
    field(name = "default_artifact_type", ty = "ArtifactType"),
    field(name = "tags", ty = "Connection<Tag>"),
    field(
        name = "aliases",
        ty = "Connection<ArtifactAlias>",
        arg(name = "after", ty = "Option<String>"),
        arg(name = "first", ty = "Option<i32>")
    ),
    field(
        name = "artifact_membership",
        ty = "Option<ArtifactCollectionMembership>",
        arg(name = "alias_name", ty = "String")
    ),
    field(
        name = "artifacts",
        ty = "Connection<Artifact>",
        arg(name = "after", ty = "Option<String>"),
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "order", ty = "Option<String>"),
        arg(name = "filters", ty = "Option<JsonString>")
    )
)]
pub(crate) enum ArtifactCollection {
    /// The only kind.
    Sequence(ArtifactSequence),
}

/// The versions of one artifact name.
pub(crate) struct ArtifactSequence(pub(crate) CollectionRow);

#[Object]
impl ArtifactSequence {
    async fn id(&self) -> ID {
        id("ArtifactCollection", self.0.id).into()
    }
    async fn name(&self) -> &str {
        &self.0.name
    }
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn updated_at(&self) -> Option<DateTime> {
        None
    }
    async fn state(&self) -> &str {
        "READY"
    }
    async fn digest_algorithm(&self) -> &str {
        "MANIFEST_MD5"
    }
    async fn project(&self, context: &Context<'_>) -> Result<Option<Project>> {
        Ok(self.project_row(context).await?.map(Project))
    }
    async fn default_artifact_type(&self, context: &Context<'_>) -> Result<ArtifactType> {
        let project = self
            .project_row(context)
            .await?
            .ok_or("project of the collection is gone")?;
        Ok(ArtifactType {
            project,
            name: self.0.kind.clone(),
        })
    }
    async fn tags(&self) -> Connection<Tag> {
        Connection::of(Vec::new(), Window::new(None, None), |tag| tag)
    }
    async fn aliases(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<ArtifactAlias>> {
        let number = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| aliases::of_collection(db, number))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, |(row, alias)| {
            ArtifactAlias::new(row, alias, self.0.clone())
        }))
    }
    async fn latest_artifact(&self, context: &Context<'_>) -> Result<Option<Artifact>> {
        let number = self.0.id;
        let found = app(context)?
            .store
            .read(move |db| artifacts::latest(db, number))
            .await?;
        Ok(found.map(Artifact))
    }
    async fn artifact_membership(
        &self,
        context: &Context<'_>,
        alias_name: String,
    ) -> Result<Option<ArtifactCollectionMembership>> {
        let collection = self.0.clone();
        let found = app(context)?
            .store
            .read(move |db| aliases::resolve(db, &collection, &alias_name))
            .await?;
        Ok(found.map(ArtifactCollectionMembership))
    }
    #[allow(unused_variables, reason = "versions are always newest first")]
    async fn artifacts(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
        filters: Option<JsonString>,
    ) -> Result<Connection<Artifact>> {
        let number = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| artifacts::versions(db, number))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::versioned(rows, window, |row| {
            let version = row.version.map(|version| format!("v{version}"));
            (version, Artifact(row))
        }))
    }
}

impl ArtifactSequence {
    async fn project_row(&self, context: &Context<'_>) -> Result<Option<ProjectRow>> {
        let (entity, name) = (self.0.entity.clone(), self.0.project.clone());
        let found = app(context)?
            .store
            .read(move |db| runs::project(db, &entity, &name))
            .await?;
        Ok(found)
    }
}
