//! Entities, and the one organization that they all belong to: its own entity holds the registries.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::app;
use super::choice::{choose, parsed};
use super::collection::ArtifactCollection;
use super::connection::{Connection, Window};
use super::membership::ArtifactCollectionMembership;
use super::project::Project;
use super::query::find_project;
use super::scalars::{JsonString, id};
use super::user::User;
use crate::error::StoreResult;
use crate::store::collections::{self, CollectionRow};
use crate::store::filter;
use crate::store::{members, runs};

/// Name of the organization.
const ORGANIZATION: &str = "local";

/// The organization's own entity: registries are its projects.
const ORG_ENTITY: &str = "local-org";

/// An entity: here only a name.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
}

/// Kinds of collections to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ArtifactCollectionType {
    /// Logged versions.
    Sequence,
    /// Linked versions.
    Portfolio,
}

#[Object]
impl Entity {
    async fn id(&self) -> ID {
        id("Entity", 1).into()
    }
    async fn name(&self) -> &str {
        &self.name
    }
    async fn is_team(&self) -> bool {
        false
    }
    async fn entity_type(&self) -> &str {
        if self.name == ORG_ENTITY {
            "organization"
        } else {
            "user"
        }
    }
    async fn user(&self) -> Option<User> {
        None
    }
    async fn organization(&self) -> Option<Organization> {
        Some(Organization)
    }
    async fn xxhash_digests_enabled(&self) -> bool {
        false
    }

    async fn project(
        &self,
        context: &Context<'_>,
        name: Option<String>,
    ) -> Result<Option<Project>> {
        find_project(context, name, Some(self.name.clone())).await
    }

    async fn projects(
        &self,
        context: &Context<'_>,
        filters: Option<JsonString>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
    ) -> Result<Connection<Project>> {
        let (entity, filter) = (self.name.clone(), parsed(filters)?);
        let rows = app(context)?
            .store
            .read(move |db| {
                choose(
                    runs::projects(db, Some(&entity))?,
                    &filter,
                    order.as_deref(),
                )
            })
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, Project))
    }

    #[allow(
        clippy::too_many_arguments,
        unused_variables,
        reason = "the schema's; all collections of a registry are portfolios"
    )]
    async fn artifact_collections(
        &self,
        context: &Context<'_>,
        project_filters: Option<JsonString>,
        filters: Option<JsonString>,
        collection_types: Option<Vec<ArtifactCollectionType>>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
    ) -> Result<Connection<ArtifactCollection>> {
        let (entity, of_project, filter) = (
            self.name.clone(),
            parsed(project_filters)?,
            parsed(filters)?,
        );
        let rows = app(context)?
            .store
            .read(move |db| {
                let rows = registered(db, &entity, &of_project)?;
                choose(rows, &filter, order.as_deref())
            })
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, ArtifactCollection::from))
    }

    #[allow(clippy::too_many_arguments, reason = "the schema's")]
    async fn artifact_memberships(
        &self,
        context: &Context<'_>,
        project_filters: Option<JsonString>,
        collection_filters: Option<JsonString>,
        filters: Option<JsonString>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
    ) -> Result<Connection<ArtifactCollectionMembership>> {
        let (entity, of_project) = (self.name.clone(), parsed(project_filters)?);
        let (of_collection, filter) = (parsed(collection_filters)?, parsed(filters)?);
        let rows = app(context)?
            .store
            .read(move |db| {
                let mut all = Vec::new();
                for row in choose(registered(db, &entity, &of_project)?, &of_collection, None)? {
                    all.extend(members::list(db, &row)?);
                }
                choose(all, &filter, order.as_deref())
            })
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, ArtifactCollectionMembership))
    }
}

/// The entity's portfolios in projects that pass the filter.
fn registered(
    db: &rusqlite::Connection,
    entity: &str,
    of_project: &serde_json::Value,
) -> StoreResult<Vec<CollectionRow>> {
    let mut all = Vec::new();
    for row in collections::portfolios(db, entity)? {
        let project = runs::project_or_missing(db, entity, &row.project)?;
        if filter::passes(of_project, &project)? {
            all.push(row);
        }
    }
    Ok(all)
}

/// The organization of all entities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Organization;

impl Organization {
    /// The organization, if it is asked for by its name or that of its entity.
    pub(super) fn named(name: &str) -> Option<Self> {
        [ORGANIZATION, ORG_ENTITY].contains(&name).then_some(Self)
    }
}

/// What registries can do here.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct AdvancedRegistryFeatures {
    advanced_search: bool,
}

#[Object]
impl Organization {
    async fn id(&self) -> ID {
        id("Organization", 1).into()
    }
    async fn name(&self) -> &str {
        ORGANIZATION
    }
    async fn core_weave_organization_id(&self) -> Option<String> {
        None
    }
    async fn org_entity(&self) -> Option<Entity> {
        Some(Entity {
            name: ORG_ENTITY.to_owned(),
        })
    }
    async fn advanced_registry_features(&self) -> AdvancedRegistryFeatures {
        AdvancedRegistryFeatures {
            advanced_search: false,
        }
    }
}
