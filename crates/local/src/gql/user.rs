//! The one user, and what the server says about itself.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::app;
use super::connection::{Connection, Window};
use super::entity::Organization;
use super::scalars::{DateTime, JsonString, id};

/// Features that clients may use here.
const FEATURES: [&str; 13] = [
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_REGISTRY_SEARCH",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
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
    async fn organizations(&self) -> Vec<Organization> {
        vec![Organization]
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
