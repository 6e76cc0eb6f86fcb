//! A version of an artifact on its way, from its record to the commit. Every step may be repeated: the digest finds what is there already.

mod ask;
mod create;
mod files;
mod manifest;
mod merge;
mod notes;
mod parts;
mod rehash;

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_record::wandb::ArtifactRecord;
use wandbd_run::Opened;
use wandbd_upload::{ArtifactOutcome, SendError, Version};

use self::files::Files;
use self::manifest::{Entry, Manifest, digest};
use self::notes::Notebook;
use crate::answer::nonsense;
use crate::api::Api;
use crate::artifact::Use;
use crate::features::Features;
use crate::fetch::RunPath;
use crate::put::{Source, put};

const MANIFEST: &str = "\
mutation CreateArtifactManifest($artifact: ID!, $base: ID, $name: String!, $digest: String!, $entity: String!, $project: String!, \
$run: String!, $type: ArtifactManifestType!, $upload: Boolean!) { \
createArtifactManifest(input: {artifactID: $artifact, baseArtifactID: $base, name: $name, digest: $digest, entityName: $entity, \
projectName: $project, runName: $run, type: $type}) { \
artifactManifest { id file @include(if: $upload) { id uploadUrl uploadHeaders } } } }";

const UPDATE_MANIFEST: &str = "\
mutation UpdateArtifactManifest($manifest: ID!, $digest: String) { \
updateArtifactManifest(input: {artifactManifestID: $manifest, digest: $digest}) { \
artifactManifest { id file { id uploadUrl uploadHeaders } } } }";

const COMMIT: &str = "\
mutation CommitArtifact($artifact: ID!) { commitArtifact(input: {artifactID: $artifact}) { artifact { id } } }";

const CLIENT_ID: &str =
    "query ClientIDMapping($client: ID!) { clientIDMapping(clientID: $client) { serverID } }";

/// Entries that point into another artifact by the id that its client chose.
const CLIENT_REFERENCE: &str = "wandb-client-artifact://";

#[derive(Deserialize)]
struct ManifestData {
    #[serde(alias = "createArtifactManifest", alias = "updateArtifactManifest")]
    payload: ManifestPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestPayload {
    artifact_manifest: ManifestNode,
}

#[derive(Deserialize)]
struct ManifestNode {
    id: String,
    file: Option<ManifestFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestFile {
    upload_url: Option<String>,
    upload_headers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Mapped {
    #[serde(rename = "clientIDMapping")]
    mapping: Option<Mapping>,
}

#[derive(Deserialize)]
struct Mapping {
    #[serde(rename = "serverID")]
    server_id: String,
}

/// One version of a run's artifact.
pub(crate) struct Shipment<'a> {
    pub(crate) api: &'a Api,
    pub(crate) features: &'a Features,
    pub(crate) opened: &'a Opened,
    pub(crate) version: &'a Version,
    pub(crate) record: &'a ArtifactRecord,
}

impl Shipment<'_> {
    /// The whole sequence.
    pub(crate) async fn send(&self) -> Result<ArtifactOutcome, SendError> {
        let mut manifest = Manifest::read(self.record).await?;
        rehash::with_md5(&mut manifest).await?;
        ask::servers(self.api, &mut manifest, &self.version.ask).await?;
        let whole = self.merge(&mut manifest).await?;
        let known = &self.record.digest;
        let digest = if manifest.changed || known.is_empty() {
            manifest.digest()
        } else {
            known.clone()
        };
        let draft = self.create(&digest).await?;
        match draft.state.as_str() {
            "COMMITTED" => {
                self.use_it(&draft.id).await?;
                return Ok(ArtifactOutcome {
                    id: draft.id,
                    new: false,
                });
            }
            "PENDING" | "DELETED" => {}
            state => return Err(nonsense("CreateArtifact", format_args!("state {state:?}"))),
        }
        let base = match self.record.base_id.as_str() {
            "" => draft.latest(),
            base => Some(base),
        };
        let kind = self.kind(whole);
        self.fill(&draft.id, base, kind, &mut manifest).await?;
        if self.record.finalize {
            let variables = json!({"artifact": draft.id});
            self.api
                .graphql::<Value>("CommitArtifact", COMMIT, variables)
                .await?;
        }
        self.use_it(&draft.id).await?;
        Ok(ArtifactOutcome {
            id: draft.id,
            new: true,
        })
    }

    /// The files and then the manifest.
    async fn fill(
        &self,
        id: &str,
        base: Option<&str>,
        kind: Kind,
        manifest: &mut Manifest,
    ) -> Result<(), SendError> {
        let node = self.manifest(id, base, kind, "", false).await?;
        let files = Files {
            api: self.api,
            artifact_id: id,
            manifest_id: &node.id,
            name_algorithm: self.features.digest_algorithm(),
            notes: Notebook::open(&self.version.parts, self.api.base.as_str(), id).await,
        };
        files.upload(&mut manifest.entries).await?;
        self.resolve(&mut manifest.entries).await?;
        self.put_manifest(id, base, kind, &node.id, manifest).await
    }

    /// Type and file name of the manifest; one that is whole names no changes.
    fn kind(&self, whole: bool) -> Kind {
        if self.record.incremental_beta1 && !whole {
            Kind {
                kind: "INCREMENTAL",
                name: "wandb_manifest.incremental.json",
            }
        } else if self.record.distributed_id.is_empty() {
            Kind {
                kind: "FULL",
                name: "wandb_manifest.json",
            }
        } else {
            Kind {
                kind: "PATCH",
                name: "wandb_manifest.patch.json",
            }
        }
    }

    async fn manifest(
        &self,
        artifact_id: &str,
        base: Option<&str>,
        kind: Kind,
        digest: &str,
        upload: bool,
    ) -> Result<ManifestNode, SendError> {
        let variables = json!({
            "artifact": artifact_id,
            "base": base,
            "name": kind.name,
            "digest": digest,
            "entity": self.opened.entity,
            "project": self.opened.project,
            "run": self.opened.run_id,
            "type": kind.kind,
            "upload": upload,
        });
        let data: ManifestData = self
            .api
            .graphql("CreateArtifactManifest", MANIFEST, variables)
            .await?;
        Ok(data.payload.artifact_manifest)
    }

    async fn put_manifest(
        &self,
        artifact_id: &str,
        base: Option<&str>,
        kind: Kind,
        draft_id: &str,
        manifest: &Manifest,
    ) -> Result<(), SendError> {
        let json = manifest.to_json();
        let digest = digest(&json);
        let node = if kind.kind == "FULL" {
            self.manifest(artifact_id, base, kind, &digest, true)
                .await?
        } else {
            let variables = json!({"manifest": draft_id, "digest": digest});
            let name = "UpdateArtifactManifest";
            let data: ManifestData = self.api.graphql(name, UPDATE_MANIFEST, variables).await?;
            data.payload.artifact_manifest
        };
        let file = node.file;
        let file = file.ok_or_else(|| nonsense("CreateArtifactManifest", "no file in it"))?;
        // Without an address the server has this very manifest already.
        let Some(address) = file.upload_url else {
            return Ok(());
        };
        let headers = file.upload_headers.unwrap_or_default();
        let source = Source::Bytes(Bytes::from(json));
        put(self.api, &address, &headers, &source).await.map(drop)
    }

    /// Puts the server's ids in place of those that clients chose.
    async fn resolve(&self, entries: &mut [Entry]) -> Result<(), SendError> {
        let mut known: HashMap<String, String> = HashMap::new();
        for entry in entries {
            let Some(rest) = entry.reference.as_deref() else {
                continue;
            };
            let Some((client, path)) = rest
                .strip_prefix(CLIENT_REFERENCE)
                .and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            let id = match known.get(client) {
                Some(id) => id.clone(),
                None => self.server_id(client, &entry.path).await?,
            };
            known.insert(client.to_owned(), id.clone());
            entry.reference = Some(format!("wandb-artifact://{id}/{path}"));
        }
        Ok(())
    }

    /// What the server calls a version, in hexadecimal.
    async fn server_id(&self, client: &str, path: &str) -> Result<String, SendError> {
        let variables = json!({ "client": client });
        let data: Mapped = self
            .api
            .graphql("ClientIDMapping", CLIENT_ID, variables)
            .await?;
        let id = data
            .mapping
            .and_then(|mapping| STANDARD.decode(mapping.server_id).ok());
        id.map(|id| hex(&id)).ok_or_else(|| SendError::Rejected {
            status: 200,
            reason: format!("{path} refers to an artifact that the server does not have"),
        })
    }

    /// Notes that the run reads the artifact, if it does.
    async fn use_it(&self, artifact_id: &str) -> Result<(), SendError> {
        if !self.record.use_after_commit {
            return Ok(());
        }
        let used = Use {
            id: artifact_id,
            entity: &self.opened.entity,
            project: &self.opened.project,
            used_as: "",
        };
        let run = RunPath {
            entity: self.opened.entity.clone(),
            project: self.opened.project.clone(),
            run: self.opened.run_id.clone(),
        };
        used.tell(self.api, self.features, &run).await
    }
}

/// What a manifest is to the server.
#[derive(Debug, Clone, Copy)]
struct Kind {
    kind: &'static str,
    name: &'static str,
}

/// Hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}

/// Read at once while hashing, in bytes.
const CHUNK: usize = 256 << 10;

/// Size and MD5 of what `from` holds. Blocks.
fn md5_of(from: &mut dyn Read) -> std::io::Result<(u64, [u8; 16])> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let bytes = from.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..bytes).filter(|chunk| !chunk.is_empty()) else {
            return Ok((size, md5.finalize().into()));
        };
        md5.update(chunk);
        size += bytes as u64;
    }
}

/// Size and MD5 (base64) of a file as it is now.
async fn hash(path: &Path) -> std::io::Result<(u64, String)> {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || md5_of(&mut std::fs::File::open(path)?));
    let hashed = hashed.await;
    let (size, md5) = hashed.unwrap_or_else(|error| Err(std::io::Error::other(error)))?;
    Ok((size, STANDARD.encode(md5)))
}
