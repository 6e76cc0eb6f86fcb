//! Manifests of artifacts, as they are read and put together at the commit.

use std::collections::BTreeMap;
use std::fs;

use md5::{Digest, Md5};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::artifact_files;
use super::artifacts;
use crate::blobs::Blobs;
use crate::error::{StoreError, StoreResult};
use crate::sign::hex;

/// A manifest: what it holds besides the entries, and the entries by path.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(flatten)]
    rest: Map<String, Value>,
    pub(super) contents: BTreeMap<String, Value>,
}

/// One entry of a manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) size: Option<i64>,
    #[serde(rename = "ref", default)]
    pub(super) reference: Option<String>,
}

/// What the manifests of an artifact come to.
pub(super) enum Whole {
    /// One full manifest, as it was uploaded.
    Uploaded(i64, Manifest),
    /// Changes to a base, or parts of several writers, put together.
    Merged(Manifest),
}

impl Manifest {
    /// The entries by path.
    pub(super) fn entries(&self) -> StoreResult<BTreeMap<String, Entry>> {
        self.contents
            .iter()
            .map(|(path, entry)| {
                let entry = Entry::deserialize(entry).map_err(|error| {
                    StoreError::Refused(format!("artifact manifest, {path}: {error}"))
                })?;
                Ok((path.clone(), entry))
            })
            .collect()
    }

    /// The manifest as JSON.
    pub(super) fn text(&self) -> String {
        let mut whole = self.rest.clone();
        whole.insert(String::from("contents"), json!(self.contents));
        Value::Object(whole).to_string()
    }
}

/// Hex MD5 over the sorted `path:digest` lines, as clients compute it.
pub(super) fn digest(entries: &BTreeMap<String, Entry>) -> String {
    let mut hash = Md5::new();
    hash.update(b"wandb-artifact-manifest-v1\n");
    for (path, entry) in entries {
        hash.update(format!("{path}:{}\n", entry.digest));
    }
    hex(&hash.finalize())
}

struct Part {
    id: i64,
    kind: String,
    base: Option<i64>,
    blob: Option<String>,
}

/// The artifact's manifests put together: the full one if there is one; else all parts in the order of their announcement, laid
/// over the base where they are changes to one. Parts of writers that never uploaded theirs are left out.
pub(super) fn whole(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
) -> StoreResult<Whole> {
    let parts = parts(connection, artifact_id)?;
    let missing = || {
        StoreError::Refused(String::from(
            "artifact manifest was announced but not uploaded",
        ))
    };
    if let Some(full) = parts.iter().rfind(|part| part.kind == "FULL") {
        let blob = full.blob.as_deref().ok_or_else(missing)?;
        return Ok(Whole::Uploaded(full.id, read(blobs, blob)?));
    }
    let nothing = parts.is_empty();
    let mut merged: Option<Manifest> = None;
    for part in parts {
        let (Some(blob), kind) = (part.blob, part.kind.as_str()) else {
            continue;
        };
        let uploaded = read(blobs, &blob)?;
        if let Some(merged) = &mut merged {
            merged.contents.extend(uploaded.contents);
            continue;
        }
        let mut contents = match part.base.filter(|_| kind == "INCREMENTAL") {
            Some(base) => of_artifact(connection, blobs, base)?.contents,
            None => BTreeMap::new(),
        };
        contents.extend(uploaded.contents);
        merged = Some(Manifest {
            rest: uploaded.rest,
            contents,
        });
    }
    match merged {
        Some(merged) => Ok(Whole::Merged(merged)),
        None if nothing => Err(StoreError::Refused(String::from(
            "artifact has no manifest",
        ))),
        None => Err(missing()),
    }
}

fn parts(connection: &Connection, artifact_id: i64) -> StoreResult<Vec<Part>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, base_id, blob FROM manifests WHERE artifact_id = ?1 ORDER BY id",
    )?;
    let rows = statement.query_map([artifact_id], |row| {
        Ok(Part {
            id: row.get(0)?,
            kind: row.get(1)?,
            base: row.get(2)?,
            blob: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn of_artifact(connection: &Connection, blobs: &Blobs, id: i64) -> StoreResult<Manifest> {
    let artifact = artifacts::by_id(connection, id)?;
    let gone = || StoreError::NotFound(String::from("manifest of the base artifact"));
    let manifest = artifact.manifest_id.ok_or_else(gone)?;
    let (blob, _, _) = artifact_files::manifest_blob(connection, manifest)?;
    read(blobs, &blob.ok_or_else(gone)?)
}

fn read(blobs: &Blobs, blob: &str) -> StoreResult<Manifest> {
    let text = fs::read(blobs.path(blob))?;
    serde_json::from_slice(&text)
        .map_err(|error| StoreError::Refused(format!("artifact manifest: {error}")))
}
