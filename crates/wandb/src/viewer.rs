//! Whose key it is.

use serde::Deserialize;
use serde_json::json;
use wandbd_upload::SendError;

use crate::api::Api;
use crate::settings::ServerSettings;
use crate::transports::Transports;

const QUERY: &str = "query Viewer { viewer { entity username } }";

/// What a server says to credentials. The texts are for the person who gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It knows them.
    Valid {
        /// Where runs go that name nobody.
        entity: String,
        /// Whose they are.
        username: String,
    },
    /// It does not accept them, or there are none.
    Refused(String),
    /// It could not be asked.
    Unreachable(String),
}

#[derive(Deserialize)]
struct Data {
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
struct Viewer {
    entity: Option<String>,
    username: Option<String>,
}

/// Asks the server whose credentials these are.
pub async fn verify(transports: &Transports, settings: ServerSettings) -> Verdict {
    let api = match Api::new(transports, settings) {
        Ok(api) => api,
        Err(error) => return Verdict::Unreachable(error.explain()),
    };
    match api.graphql::<Data>("Viewer", QUERY, json!({})).await {
        Ok(Data {
            viewer: Some(viewer),
        }) => Verdict::Valid {
            entity: viewer.entity.unwrap_or_default(),
            username: viewer.username.unwrap_or_default(),
        },
        Ok(Data { viewer: None }) => {
            Verdict::Refused("the server knows nobody with this key".to_owned())
        }
        Err(
            error @ (SendError::Unauthorized(_)
            | SendError::Forbidden(_)
            | SendError::Rejected { .. }),
        ) => Verdict::Refused(error.explain()),
        Err(error) => Verdict::Unreachable(error.explain()),
    }
}
