//! Artifact collections: sequences hold what was logged under a name, portfolios what was linked to one.

#![allow(
    clippy::duplicated_attributes,
    reason = "fields of an interface are declared by attributes, and several take the same arguments"
)]

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::{Context, ID, Interface, Object, Result, TypeName};

use super::app;
use super::artifact::{Artifact, ArtifactAlias, ArtifactType, Tag};
use super::choice::{choose, parsed};
use super::connection::{Connection, Window};
use super::membership::ArtifactCollectionMembership;
use super::project::Project;
use super::scalars::{DateTime, JsonString, id};
use crate::store::collections::{self, CollectionRow, Kind};
use crate::store::runs::{self, ProjectRow};
use crate::store::{aliases, members};

/// A collection of either kind.
#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "ID"),
    field(name = "name", ty = "&str"),
    field(name = "description", ty = "Option<&str>"),
    field(name = "state", ty = "&str"),
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
    /// Versions that were logged.
    Sequence(ArtifactSequence),
    /// Versions that were linked.
    Portfolio(ArtifactPortfolio),
}

impl From<CollectionRow> for ArtifactCollection {
    fn from(row: CollectionRow) -> Self {
        match row.kind {
            Kind::Sequence => Self::Sequence(Collection::new(row)),
            Kind::Portfolio => Self::Portfolio(Collection::new(row)),
        }
    }
}

/// The versions of one artifact name.
pub(crate) type ArtifactSequence = Collection<Logged>;

/// The versions that were linked to one name.
pub(crate) type ArtifactPortfolio = Collection<Linked>;

/// Marks sequences.
pub(crate) struct Logged;

/// Marks portfolios.
pub(crate) struct Linked;

/// Which type of the schema it is.
pub(crate) trait Marker: Send + Sync {
    /// The type's name.
    const NAME: &'static str;
}

impl Marker for Logged {
    const NAME: &'static str = "ArtifactSequence";
}

impl Marker for Linked {
    const NAME: &'static str = "ArtifactPortfolio";
}

/// A collection of one kind.
pub(crate) struct Collection<M: Marker> {
    row: CollectionRow,
    deleted: bool,
    marker: PhantomData<M>,
}

impl<M: Marker> Collection<M> {
    pub(crate) fn new(row: CollectionRow) -> Self {
        Self {
            row,
            deleted: false,
            marker: PhantomData,
        }
    }

    /// What is answered for a collection that has just gone.
    pub(crate) fn deleted(row: CollectionRow) -> Self {
        Self {
            deleted: true,
            ..Self::new(row)
        }
    }
}

impl<M: Marker> TypeName for Collection<M> {
    fn type_name() -> Cow<'static, str> {
        M::NAME.into()
    }
}

#[Object(name_type)]
impl<M: Marker> Collection<M> {
    async fn id(&self) -> ID {
        id("ArtifactCollection", self.row.id).into()
    }
    async fn name(&self) -> &str {
        &self.row.name
    }
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.row.created_at)
    }
    async fn updated_at(&self) -> Option<DateTime> {
        self.row.updated_at.map(DateTime::at)
    }
    async fn state(&self) -> &str {
        if self.deleted { "DELETED" } else { "READY" }
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
            name: self.row.artifact_type.clone(),
        })
    }
    async fn tags(&self) -> Connection<Tag> {
        let tags = Tag::all(&self.row.tags);
        Connection::of(tags, Window::new(None, None), |tag| tag)
    }
    async fn aliases(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<ArtifactAlias>> {
        let number = self.row.id;
        let rows = app(context)?
            .store
            .read(move |db| aliases::of_collection(db, number))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, |row| {
            ArtifactAlias::new(row, self.row.clone())
        }))
    }
    async fn latest_artifact(&self, context: &Context<'_>) -> Result<Option<Artifact>> {
        let row = self.row.clone();
        let found = app(context)?
            .store
            .read(move |db| Ok(members::list(db, &row)?.into_iter().next()))
            .await?;
        Ok(found.map(|member| Artifact(member.artifact)))
    }
    async fn artifact_membership(
        &self,
        context: &Context<'_>,
        alias_name: String,
    ) -> Result<Option<ArtifactCollectionMembership>> {
        let row = self.row.clone();
        let found = app(context)?
            .store
            .read(move |db| aliases::resolve(db, &row, &alias_name))
            .await?;
        Ok(found.map(ArtifactCollectionMembership))
    }
    async fn artifacts(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
        filters: Option<JsonString>,
    ) -> Result<Connection<Artifact>> {
        let (row, filter) = (self.row.clone(), parsed(filters)?);
        let rows = app(context)?
            .store
            .read(move |db| choose(members::list(db, &row)?, &filter, order.as_deref()))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::versioned(rows, window, |member| {
            let version = member.version.map(|version| format!("v{version}"));
            (version, Artifact(member.artifact))
        }))
    }
}

impl<M: Marker> Collection<M> {
    async fn project_row(&self, context: &Context<'_>) -> Result<Option<ProjectRow>> {
        let (entity, name) = (self.row.entity.clone(), self.row.project.clone());
        let found = app(context)?
            .store
            .read(move |db| runs::project(db, &entity, &name))
            .await?;
        Ok(found)
    }
}

/// The page of a project's collections that is asked for.
pub(super) async fn page(
    context: &Context<'_>,
    project: i64,
    kind: Option<String>,
    (after, first): (Option<String>, Option<i32>),
    (filters, order): (Option<JsonString>, Option<String>),
) -> Result<Connection<ArtifactCollection>> {
    let filter = parsed(filters)?;
    let rows = app(context)?
        .store
        .read(move |db| {
            let rows = collections::list(db, project, kind.as_deref())?;
            choose(rows, &filter, order.as_deref())
        })
        .await?;
    let window = Window::new(first, after.as_deref());
    Ok(Connection::of(rows, window, ArtifactCollection::from))
}
