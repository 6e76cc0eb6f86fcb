//! The draft of a version.

use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_record::wandb::ArtifactRecord;
use wandbd_upload::SendError;

use super::Shipment;
use crate::artifact::base_of;

const CREATE: &str = "\
mutation CreateArtifact($input: CreateArtifactInput!) { createArtifact(input: $input) { \
artifact { id state artifactSequence { latestArtifact { id } } } } }";

/// What the server knows of an artifact to be created.
const INPUT: &str =
    "query CreateArtifactFields { __type(name: \"CreateArtifactInput\") { inputFields { name } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    create_artifact: CreatedPayload,
}

#[derive(Deserialize)]
struct CreatedPayload {
    artifact: Draft,
}

/// A version that the server has made room for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) state: String,
    artifact_sequence: Option<Sequence>,
}

impl Draft {
    /// The newest version of its name.
    pub(super) fn latest(&self) -> Option<&str> {
        let sequence = self.artifact_sequence.as_ref()?;
        Some(&sequence.latest_artifact.as_ref()?.id)
    }
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
struct Schema {
    #[serde(rename = "__type")]
    of_type: Option<Fields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    input_fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

impl Shipment<'_> {
    /// Asks for room; `digest` is that of the manifest.
    pub(super) async fn create(&self, digest: &str) -> Result<Draft, SendError> {
        let mut input = self.described();
        input["digest"] = digest.into();
        let tags = &self.record.tags;
        if !tags.is_empty() && self.takes_tags().await? {
            let tags = tags.iter();
            input["tags"] = tags.map(|tag| json!({ "tagName": tag })).collect();
        }
        let variables = json!({ "input": input });
        let data: Created = self
            .api
            .graphql("CreateArtifact", CREATE, variables)
            .await?;
        Ok(data.create_artifact.artifact)
    }

    fn described(&self) -> Value {
        let (record, said) = (self.record, &self.version.said);
        let text = |text: &str| match text {
            "" => Value::Null,
            text => text.into(),
        };
        let name = base_of(&record.name);
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
        let region = match said.storage_region.as_str() {
            "" => storage_region(record).map_or(Value::Null, Value::String),
            region => region.into(),
        };
        json!({
            "entityName": self.opened.entity,
            "projectName": self.opened.project,
            "artifactTypeName": record.r#type,
            "artifactCollectionName": name,
            "runName": text(run),
            "digestAlgorithm": "MANIFEST_MD5",
            "description": text(&record.description),
            "metadata": text(&record.metadata),
            "aliases": aliases,
            "ttlDurationSeconds": if ttl == 0 { Value::Null } else { ttl.into() },
            "historyStep": said.history_step.filter(|step| *step != 0),
            "storageRegion": region,
            "enableDigestDeduplication": true,
            "distributedID": text(&record.distributed_id),
            "clientID": text(&record.client_id),
            "sequenceClientID": text(&record.sequence_client_id),
        })
    }

    /// A server that knows no tags must not see any.
    async fn takes_tags(&self) -> Result<bool, SendError> {
        let asked = self
            .api
            .graphql::<Schema>("CreateArtifactFields", INPUT, json!({}))
            .await;
        let schema = match asked {
            Ok(schema) => schema,
            // It does not say what it knows: most know tags.
            Err(SendError::Rejected { .. } | SendError::Server { status: 200, .. }) => {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let fields = schema.of_type.and_then(|fields| fields.input_fields);
        let Some(fields) = fields else {
            return Ok(true);
        };
        let known = fields.iter().any(|field| field.name == "tags");
        if !known {
            tracing::warn!(
                artifact = self.record.name,
                "the server knows no tags of artifacts; they are left out"
            );
        }
        Ok(known)
    }
}

/// The region that the storage policy of a journal's record names.
fn storage_region(record: &ArtifactRecord) -> Option<String> {
    let config = &record.manifest.as_ref()?.storage_policy_config;
    let item = config.iter().find(|item| item.key == "storageRegion")?;
    serde_json::from_str(&item.value_json).ok()
}
