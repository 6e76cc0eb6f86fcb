//! The files of an artifact: announced in batches, uploaded where the server has no such content yet.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_upload::SendError;

use crate::answer::nonsense;
use crate::api::Api;
use crate::files::AT_ONCE;
use crate::graphql::Edges;
use crate::manifest::Entry;
use crate::multipart::{Multipart, Parts};
use crate::put::{Source, put};

/// Files of one request.
const BATCH: usize = 25;

const DOCUMENT: &str = "\
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node { \
storagePath uploadUrl uploadHeaders artifact { id } \
uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }";

/// The same for servers without uploads in parts.
const DOCUMENT_PLAIN: &str = "\
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node { \
storagePath uploadUrl uploadHeaders artifact { id } } } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    create_artifact_files: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    files: Edges<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    storage_path: Option<String>,
    upload_url: Option<String>,
    upload_headers: Option<Vec<String>>,
    artifact: Option<Id>,
    upload_multipart_urls: Option<Multipart>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Where files are announced.
pub(crate) struct Files<'a> {
    pub(crate) api: &'a Api,
    pub(crate) artifact_id: &'a str,
    pub(crate) manifest_id: &'a str,
    /// The server wants the algorithm of digests named.
    pub(crate) name_algorithm: bool,
}

impl Files<'_> {
    /// Uploads all entries that have a file here, and notes which artifact had their content first.
    pub(crate) async fn upload(&self, entries: &mut [Entry]) -> Result<(), SendError> {
        let mut local: Vec<&mut Entry> = entries
            .iter_mut()
            .filter(|entry| entry.source.is_some() && entry.birth.is_none())
            .collect();
        for batch in local.chunks_mut(BATCH) {
            self.upload_batch(batch).await?;
        }
        Ok(())
    }

    /// Asks for fresh addresses for what failed as long as more than half of each round succeeds.
    async fn upload_batch(&self, batch: &mut [&mut Entry]) -> Result<(), SendError> {
        let mut parts = BTreeMap::new();
        for entry in batch.iter() {
            if let Some(path) = &entry.source
                && let Some(found) = Parts::of(path, entry.size, &self.api.limits).await?
            {
                parts.insert(entry.path.clone(), found);
            }
        }
        let mut left: Vec<usize> = (0..batch.len()).collect();
        while !left.is_empty() {
            let round = left.len();
            let nodes = self.announce(batch, &left, &parts).await?;
            let mut uploads = Vec::with_capacity(round);
            for (index, node) in left.iter().zip(&nodes) {
                if let Some(entry) = batch.get(*index) {
                    uploads.push(self.upload_one(*index, entry, node, &parts));
                }
            }
            let mut uploads = stream::iter(uploads).buffer_unordered(AT_ONCE);
            let mut failed = Vec::new();
            let mut cause = None;
            while let Some((index, result)) = uploads.next().await {
                match result {
                    Ok(()) => {}
                    Err(error @ SendError::Missing { .. }) => return Err(error),
                    Err(error) => {
                        failed.push(index);
                        cause.get_or_insert(error);
                    }
                }
            }
            drop(uploads);
            for (index, node) in left.iter().zip(nodes) {
                if let (Some(entry), Some(birth)) = (batch.get_mut(*index), node.artifact) {
                    entry.birth = Some(birth.id);
                }
            }
            if let Some(cause) = cause
                && 2 * failed.len() >= round
            {
                return Err(cause);
            }
            left = failed;
        }
        Ok(())
    }

    async fn announce(
        &self,
        batch: &[&mut Entry],
        left: &[usize],
        parts: &BTreeMap<String, Parts>,
    ) -> Result<Vec<Node>, SendError> {
        let entries = left.iter().filter_map(|index| batch.get(*index));
        let files: Value = entries
            .map(|entry| {
                let mut file = json!({
                    "artifactID": self.artifact_id,
                    "artifactManifestID": self.manifest_id,
                    "name": entry.path,
                    "md5": entry.digest,
                });
                if let Some(parts) = parts.get(&entry.path) {
                    file["uploadPartsInput"] = parts.announced();
                }
                if self.name_algorithm {
                    file["digest"] = entry.digest.as_str().into();
                }
                file
            })
            .collect();
        let mut input = json!({"artifactFiles": files, "storageLayout": "V2"});
        if self.name_algorithm {
            input["digestAlgorithm"] = "MANIFEST_MD5".into();
        }
        let document = if parts.is_empty() {
            DOCUMENT_PLAIN
        } else {
            DOCUMENT
        };
        let variables = json!({ "input": input });
        let data: Data = self
            .api
            .graphql("CreateArtifactFiles", document, variables)
            .await?;
        let edges = data
            .create_artifact_files
            .map(|payload| payload.files.edges);
        let nodes: Vec<Node> = edges.into_iter().flatten().map(|edge| edge.node).collect();
        if nodes.len() != left.len() {
            let detail = format_args!("{} files instead of {}", nodes.len(), left.len());
            return Err(nonsense("CreateArtifactFiles", detail));
        }
        Ok(nodes)
    }

    async fn upload_one(
        &self,
        index: usize,
        entry: &Entry,
        node: &Node,
        parts: &BTreeMap<String, Parts>,
    ) -> (usize, Result<(), SendError>) {
        let headers = node.upload_headers.as_deref().unwrap_or_default();
        if let (Some(target), Some(parts)) = (&node.upload_multipart_urls, parts.get(&entry.path)) {
            let place = node.storage_path.as_deref().unwrap_or_default();
            let sent = parts
                .send(self.api, self.artifact_id, place, headers, target)
                .await;
            return (index, sent);
        }
        // Without an address the server has this content already.
        let (Some(address), Some(path)) = (&node.upload_url, &entry.source) else {
            return (index, Ok(()));
        };
        let source = Source::Sized {
            path: path.clone(),
            size: entry.size,
        };
        let sent = put(self.api, address, headers, &source).await;
        (index, sent.map(drop))
    }
}
