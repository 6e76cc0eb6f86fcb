//! An incremental version that has lost files: the server knows no removals, so the whole manifest is made here.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use wandbd_upload::SendError;

use super::Shipment;
use super::manifest::{Entry, Manifest};
use crate::artifact::{StoredEntry, base_of, fetch_manifest};

const NEWEST: &str = "\
query NewestVersion($entity: String!, $project: String!, $name: String!) { project(name: $project, entityName: $entity) { \
artifact(name: $name) { id } } }";

#[derive(Deserialize)]
struct Data {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    artifact: Option<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Shipment<'_> {
    /// Adds what the base holds and this version has not removed; true if the manifest is whole then.
    pub(super) async fn merge(&self, manifest: &mut Manifest) -> Result<bool, SendError> {
        let removed: BTreeSet<&str> = self
            .version
            .said
            .remove
            .iter()
            .map(String::as_str)
            .collect();
        if removed.is_empty() || !self.record.incremental_beta1 {
            return Ok(false);
        }
        let base = match self.record.base_id.as_str() {
            "" => self.newest().await?,
            base => Some(base.to_owned()),
        };
        let Some(base) = base else {
            return Ok(false);
        };
        let stored = fetch_manifest(self.api, &base).await?;
        let own: BTreeSet<String> = manifest
            .entries
            .iter()
            .map(|entry| entry.path.clone())
            .collect();
        for (path, entry) in stored.contents {
            if !removed.contains(path.as_str()) && !own.contains(&path) {
                manifest.entries.push(kept(path, entry));
            }
        }
        manifest
            .entries
            .sort_by(|left, right| left.path.cmp(&right.path));
        manifest.changed = true;
        Ok(true)
    }

    async fn newest(&self) -> Result<Option<String>, SendError> {
        let name = format!("{}:latest", base_of(&self.record.name));
        let variables = json!({
            "entity": self.opened.entity, "project": self.opened.project, "name": name,
        });
        let asked = self.api.graphql("NewestVersion", NEWEST, variables).await;
        let data: Data = match asked {
            Ok(data) => data,
            // It has no version yet.
            Err(SendError::Rejected { .. } | SendError::Gone { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let artifact = data.project.and_then(|project| project.artifact);
        Ok(artifact.map(|artifact| artifact.id))
    }
}

fn kept(path: String, entry: StoredEntry) -> Entry {
    Entry {
        path,
        digest: entry.digest,
        size: entry.size.unwrap_or(0),
        reference: entry.reference,
        birth: entry.birth,
        extra: entry.extra.into_iter().collect(),
        ..Entry::default()
    }
}
