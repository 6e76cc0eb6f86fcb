//! What a server knows of artifacts: to look at, to use, to change, to bring here.

mod change;
mod download;
mod entity;
mod facts;
mod get;
mod link;
mod manifest;
mod name;
mod store;
mod usage;

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;
use wandbd_record::v1;
use wandbd_record::v1::get_artifact_response::Verdict;
use wandbd_upload::SendError;

use crate::api::Api;
use crate::error::WandbError;
use crate::features::Features;
use crate::fetch::RunPath;
use crate::settings::ServerSettings;
use crate::transports::Transports;

pub(crate) use self::link::link;
pub(crate) use self::manifest::{Stored, StoredEntry, fetch as fetch_manifest};
pub(crate) use self::name::base_of;
pub(crate) use self::usage::Use;

const VIEWER: &str = "query Viewer { viewer { entity } }";

/// Asks a server about artifacts, on behalf of a run or of nobody.
pub struct Artifacts {
    api: Api,
    app_url: String,
    /// Entity and project are the default ones; an empty entity is asked for; an empty run uses nothing.
    home: RunPath,
    entity: OnceLock<String>,
    features: OnceCell<Features>,
}

#[derive(Deserialize)]
struct Data {
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
struct Viewer {
    entity: Option<String>,
}

/// Why a person gets no artifact.
#[derive(Debug)]
enum Refusal {
    Server(SendError),
    Missing(String),
    Rule(String),
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Refusal {
        Refusal::Server(error)
    }
}

impl Refusal {
    fn text(&self) -> String {
        match self {
            Refusal::Server(error) => error.explain(),
            Refusal::Missing(text) | Refusal::Rule(text) => text.clone(),
        }
    }

    fn answer(&self) -> v1::GetArtifactResponse {
        let verdict = match self {
            Refusal::Missing(_) | Refusal::Server(SendError::Gone { .. }) => Verdict::Missing,
            Refusal::Rule(_)
            | Refusal::Server(
                SendError::Rejected { .. } | SendError::Unauthorized(_) | SendError::Forbidden(_),
            ) => Verdict::Refused,
            Refusal::Server(_) => Verdict::Unreachable,
        };
        v1::GetArtifactResponse {
            verdict: verdict.into(),
            message: self.text(),
            artifact: None,
        }
    }
}

impl Artifacts {
    /// Speaks to nobody yet. `home` is the run that asks, or only its entity and project; all may be empty.
    ///
    /// # Errors
    /// [`WandbError`] names the setting that cannot be used.
    pub fn new(
        transports: &Transports,
        settings: ServerSettings,
        home: RunPath,
    ) -> Result<Artifacts, WandbError> {
        let app_url = settings.app_url.clone().unwrap_or_default();
        let api = Api::new(transports, settings)?;
        Ok(Artifacts {
            app_url: api.base.app_url(&app_url),
            api,
            home,
            entity: OnceLock::new(),
            features: OnceCell::new(),
        })
    }

    async fn features(&self) -> Result<&Features, SendError> {
        self.features
            .get_or_try_init(|| Features::ask(&self.api))
            .await
    }

    /// The default entity.
    async fn entity(&self) -> Result<String, SendError> {
        if !self.home.entity.is_empty() {
            return Ok(self.home.entity.clone());
        }
        if let Some(known) = self.entity.get() {
            return Ok(known.clone());
        }
        let data: Data = self.api.graphql("Viewer", VIEWER, json!({})).await?;
        let entity = data.viewer.and_then(|viewer| viewer.entity);
        let entity = entity.unwrap_or_default();
        Ok(self.entity.get_or_init(|| entity).clone())
    }
}
