//! An artifact from its record to a committed version. Every step may be repeated: the digest finds what is there already.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_record::convert::manifest_digest;
use wandbd_record::wandb::ArtifactRecord;
use wandbd_run::Opened;
use wandbd_upload::{ArtifactOutcome, SendError, Version};

use crate::answer::nonsense;
use crate::api::Api;
use crate::artifact::{Use, base_of};
use crate::artifact_files::Files;
use crate::features::Features;
use crate::fetch::RunPath;
use crate::manifest::{Entry, Manifest, digest, hex};
use crate::put::{Source, put};

const CREATE: &str = "\
mutation CreateArtifact($input: CreateArtifactInput!) { createArtifact(input: $input) { \
artifact { id state artifactSequence { latestArtifact { id } } } } }";

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
#[serde(rename_all = "camelCase")]
struct Created {
    create_artifact: CreatedPayload,
}

#[derive(Deserialize)]
struct CreatedPayload {
    artifact: CreatedArtifact,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedArtifact {
    id: String,
    state: String,
    artifact_sequence: Option<Sequence>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sequence {
    latest_artifact: Option<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

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

/// One artifact of a run.
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
        let mut manifest = Manifest::of(self.record)?;
        let artifact = self.create().await?;
        match artifact.state.as_str() {
            "COMMITTED" => {
                self.use_it(&artifact.id).await?;
                return Ok(ArtifactOutcome {
                    id: artifact.id,
                    new: false,
                });
            }
            "PENDING" | "DELETED" => {}
            state => return Err(nonsense("CreateArtifact", format_args!("state {state:?}"))),
        }
        let latest = artifact
            .artifact_sequence
            .and_then(|sequence| sequence.latest_artifact);
        let base = match self.record.base_id.as_str() {
            "" => latest.map(|latest| latest.id),
            base => Some(base.to_owned()),
        };
        let base = base.as_deref();
        let draft = self.manifest(&artifact.id, base, "", false).await?;
        let files = Files {
            api: self.api,
            artifact_id: &artifact.id,
            manifest_id: &draft.id,
            name_algorithm: self.features.digest_algorithm(),
        };
        files.upload(&mut manifest.entries).await?;
        self.resolve(&mut manifest.entries).await?;
        self.put_manifest(&artifact.id, base, &draft.id, &manifest)
            .await?;
        if self.record.finalize {
            let variables = json!({"artifact": artifact.id});
            self.api
                .graphql::<Value>("CommitArtifact", COMMIT, variables)
                .await?;
        }
        self.use_it(&artifact.id).await?;
        Ok(ArtifactOutcome {
            id: artifact.id,
            new: true,
        })
    }

    /// The collection: the name without a version.
    fn name(&self) -> &str {
        base_of(&self.record.name)
    }

    async fn create(&self) -> Result<CreatedArtifact, SendError> {
        let (record, said) = (self.record, &self.version.said);
        let text = |text: &str| match text {
            "" => Value::Null,
            text => text.into(),
        };
        let contents = record
            .manifest
            .as_ref()
            .map_or(&[][..], |manifest| &manifest.contents);
        let manifest_digest = match record.digest.as_str() {
            "" => manifest_digest(contents),
            known => known.to_owned(),
        };
        let name = self.name();
        let aliases: Value = record
            .aliases
            .iter()
            .map(|alias| json!({"artifactCollectionName": name, "alias": alias}))
            .collect();
        // What the run only reads is none of its outputs.
        let run = if record.user_created || said.only_used {
            ""
        } else {
            &self.opened.run_id
        };
        let ttl = record.ttl_duration_seconds;
        let step = said.history_step.filter(|step| *step != 0);
        let region = match said.storage_region.as_str() {
            "" => storage_region(record).map_or(Value::Null, Value::String),
            region => region.into(),
        };
        let mut input = json!({
            "entityName": self.opened.entity,
            "projectName": self.opened.project,
            "artifactTypeName": record.r#type,
            "artifactCollectionName": name,
            "runName": text(run),
            "digest": manifest_digest,
            "digestAlgorithm": "MANIFEST_MD5",
            "description": text(&record.description),
            "metadata": text(&record.metadata),
            "aliases": aliases,
            "ttlDurationSeconds": if ttl == 0 { Value::Null } else { ttl.into() },
            "historyStep": step,
            "storageRegion": region,
            "enableDigestDeduplication": true,
            "distributedID": text(&record.distributed_id),
            "clientID": text(&record.client_id),
            "sequenceClientID": text(&record.sequence_client_id),
        });
        if !record.tags.is_empty() {
            let tags = record.tags.iter();
            input["tags"] = tags.map(|tag| json!({ "tagName": tag })).collect();
        }
        let variables = json!({ "input": input });
        let data: Created = self
            .api
            .graphql("CreateArtifact", CREATE, variables)
            .await?;
        Ok(data.create_artifact.artifact)
    }

    /// Type and file name of the manifest.
    fn kind(&self) -> (&'static str, &'static str) {
        if self.record.incremental_beta1 {
            ("INCREMENTAL", "wandb_manifest.incremental.json")
        } else if self.record.distributed_id.is_empty() {
            ("FULL", "wandb_manifest.json")
        } else {
            ("PATCH", "wandb_manifest.patch.json")
        }
    }

    async fn manifest(
        &self,
        artifact_id: &str,
        base: Option<&str>,
        digest: &str,
        upload: bool,
    ) -> Result<ManifestNode, SendError> {
        let (kind, name) = self.kind();
        let variables = json!({
            "artifact": artifact_id,
            "base": base,
            "name": name,
            "digest": digest,
            "entity": self.opened.entity,
            "project": self.opened.project,
            "run": self.opened.run_id,
            "type": kind,
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
        draft_id: &str,
        manifest: &Manifest,
    ) -> Result<(), SendError> {
        let json = manifest.to_json();
        let digest = digest(&json);
        let node = if self.kind().0 == "FULL" {
            self.manifest(artifact_id, base, &digest, true).await?
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
            let variables = json!({ "client": client });
            let data: Mapped = self
                .api
                .graphql("ClientIDMapping", CLIENT_ID, variables)
                .await?;
            let id = data
                .mapping
                .and_then(|mapping| STANDARD.decode(mapping.server_id).ok());
            let id = id.ok_or_else(|| SendError::Rejected {
                status: 200,
                reason: format!(
                    "{} refers to an artifact that the server does not have",
                    entry.path
                ),
            })?;
            entry.reference = Some(format!("wandb-artifact://{}/{path}", hex(&id)));
        }
        Ok(())
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

/// The region that the storage policy of a journal's record names.
fn storage_region(record: &ArtifactRecord) -> Option<String> {
    let config = &record.manifest.as_ref()?.storage_policy_config;
    let item = config.iter().find(|item| item.key == "storageRegion")?;
    serde_json::from_str(&item.value_json).ok()
}
