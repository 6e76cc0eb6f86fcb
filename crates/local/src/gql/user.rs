//! The one user, its entity, and what the server says about itself.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::app;
use super::connection::{Connection, Window};
use super::scalars::{DateTime, JsonString, id};

/// Features that clients may use here.
const FEATURES: [&str; 5] = [
    "STRUCTURED_CONSOLE_LOGS",
    "CLIENT_IDS",
    "ARTIFACT_TAGS",
    "MARK_RUN_FILES_UPLOADED",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
];

/// The user of this server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User;

#[Object]
impl User {
    async fn id(&self) -> ID {
        id("User", 1).into()
    }
    async fn name(&self) -> &str {
        crate::USER
    }
    async fn username(&self) -> &str {
        crate::USER
    }
    async fn email(&self) -> &str {
        "local@localhost"
    }
    async fn entity(&self) -> &str {
        crate::USER
    }
    async fn admin(&self) -> bool {
        true
    }
    async fn flags(&self) -> JsonString {
        JsonString(String::from("{}"))
    }
    async fn deleted_at(&self) -> Option<DateTime> {
        None
    }
    async fn teams(&self) -> Connection<Team> {
        Connection::of(vec![()], Window::new(None, None), |()| Team {
            name: crate::USER.to_owned(),
        })
    }
    async fn api_keys(&self) -> ApiKeys {
        ApiKeys { edges: Vec::new() }
    }
}

/// A team by name.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Team {
    name: String,
}

/// API keys are not listed.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ApiKeys {
    edges: Vec<ApiKeyEdge>,
}

/// One key of a list.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ApiKeyEdge {
    node: ApiKeyNode,
}

/// A key's public side.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "ApiKey")]
pub(crate) struct ApiKeyNode {
    id: ID,
    name: String,
    description: Option<String>,
}

/// An entity: here only a name.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
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
    async fn organization(&self) -> Option<Organization> {
        None
    }
    async fn xxhash_digests_enabled(&self) -> bool {
        false
    }
}

/// An organization; there is none here.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Organization {
    name: String,
    core_weave_organization_id: Option<String>,
    org_entity: Option<Team>,
}

/// What the server can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerInfo;

/// One feature.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Feature {
    name: String,
    is_enabled: bool,
}

#[Object]
impl ServerInfo {
    #[allow(clippy::unused_async, reason = "resolvers are asynchronous")]
    async fn features(&self, context: &Context<'_>) -> Result<Vec<Feature>> {
        let disabled = &app(context)?.rules.disabled_features;
        let features = FEATURES.iter().map(|name| Feature {
            name: (*name).to_owned(),
            is_enabled: !disabled.iter().any(|disabled| disabled == name),
        });
        Ok(features.collect())
    }
}
