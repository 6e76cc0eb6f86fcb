//! What a server can do beyond the basics, and whose key it is.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use wandbd_upload::SendError;

use crate::api::Api;

const QUERY: &str =
    "query Features { serverInfo { features { name isEnabled } } viewer { email } }";

/// The features that are on.
#[derive(Debug, Default)]
pub(crate) struct Features {
    on: BTreeSet<String>,
    /// Of the key's owner; empty when the server does not say.
    pub(crate) email: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    server_info: Option<ServerInfo>,
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
struct Viewer {
    email: Option<String>,
}

#[derive(Deserialize)]
struct ServerInfo {
    features: Option<Vec<Feature>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feature {
    name: String,
    #[serde(default)]
    is_enabled: bool,
}

impl Features {
    /// Asks for them; a server that does not understand the question has none.
    pub(crate) async fn ask(api: &Api) -> Result<Self, SendError> {
        let data: Data = match api.graphql("Features", QUERY, json!({})).await {
            Ok(data) => data,
            Err(SendError::Rejected { .. } | SendError::Server { status: 200, .. }) => {
                return Ok(Features::default());
            }
            Err(error) => return Err(error),
        };
        let all = data.server_info.and_then(|info| info.features);
        let on = all
            .into_iter()
            .flatten()
            .filter(|feature| feature.is_enabled);
        Ok(Features {
            on: on.map(|feature| feature.name).collect(),
            email: data
                .viewer
                .and_then(|viewer| viewer.email)
                .unwrap_or_default(),
        })
    }

    /// Console lines are objects instead of plain text.
    pub(crate) fn structured_console(&self) -> bool {
        self.on.contains("STRUCTURED_CONSOLE_LOGS")
    }

    /// Files of artifacts name the algorithm of their digest.
    pub(crate) fn digest_algorithm(&self) -> bool {
        self.on.contains("ARTIFACT_DIGEST_ALGORITHM")
    }

    /// Addresses of files name the version that they are read from.
    pub(crate) fn download_by_id(&self) -> bool {
        self.on
            .contains("ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID")
    }

    /// `useArtifact` names where the artifact is from.
    pub(crate) fn use_with_origin(&self) -> bool {
        self.on
            .contains("USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION")
    }
}
