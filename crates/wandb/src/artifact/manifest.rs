//! The manifest of a committed version, as its server keeps it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wandbd_upload::SendError;

use crate::answer::nonsense;
use crate::api::{Api, read};
use crate::fetch::{Place, get};

const QUERY: &str = "\
query ArtifactManifest($id: ID!) { artifact(id: $id) { currentManifest { id file { directUrl } } } }";

/// A manifest is not read further than this, in bytes: about a million entries.
const MANIFEST_MAX: usize = 256 << 20;

#[derive(Deserialize)]
struct Data {
    artifact: Option<Artifact>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    current_manifest: Option<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    file: Option<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    direct_url: Option<String>,
}

/// A manifest that was read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    #[serde(default)]
    pub(crate) storage_policy_config: Map<String, Value>,
    pub(crate) contents: BTreeMap<String, StoredEntry>,
}

/// What it says of one path.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StoredEntry {
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: Option<u64>,
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    #[serde(rename = "birthArtifactID")]
    pub(crate) birth: Option<String>,
    #[serde(default)]
    pub(crate) extra: Map<String, Value>,
}

impl Stored {
    /// A word of the storage policy.
    pub(crate) fn storage(&self, key: &str) -> Option<&str> {
        self.storage_policy_config.get(key)?.as_str()
    }
}

/// The JSON of a version's manifest.
pub(super) async fn text(api: &Api, id: &str) -> Result<String, SendError> {
    let variables = json!({ "id": id });
    let data: Data = api.graphql("ArtifactManifest", QUERY, variables).await?;
    let manifest = data.artifact.and_then(|artifact| artifact.current_manifest);
    let address = manifest.and_then(|manifest| manifest.file?.direct_url);
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return Err(SendError::Gone {
            status: 404,
            reason: format!("the artifact with id {id} has no manifest"),
        });
    };
    let place = Place::signed(api, &address)?;
    let response = get(api, place).await.map_err(|error| api.discreet(error))?;
    let body = read(response, MANIFEST_MAX, api.limits.stall).await?;
    String::from_utf8(body.into()).map_err(|error| nonsense("a request for a manifest", error))
}

/// The manifest of a version.
pub(crate) async fn fetch(api: &Api, id: &str) -> Result<Stored, SendError> {
    let text = text(api, id).await?;
    serde_json::from_str(&text).map_err(|error| nonsense("a request for a manifest", error))
}
