//! Committing an artifact: the manifest and every file are checked before a version number is given.

use std::collections::BTreeMap;
use std::fs;

use md5::{Digest, Md5};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::artifacts::{self, ArtifactRow};
use super::{aliases, artifact_files};
use crate::blobs::Blobs;
use crate::error::{StoreError, StoreResult};
use crate::sign::hex;

#[derive(Debug, Deserialize)]
struct Manifest {
    contents: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    size: Option<i64>,
    #[serde(rename = "ref", default)]
    reference: Option<String>,
}

/// Gives the artifact its version. An artifact that is committed already is returned as it is.
pub(crate) fn commit(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
    now: f64,
) -> StoreResult<ArtifactRow> {
    let artifact = artifacts::by_id(connection, artifact_id)?;
    match artifact.state.as_str() {
        "COMMITTED" => return Ok(artifact),
        "PENDING" => {}
        state => {
            return Err(StoreError::Refused(format!(
                "artifact is {state} and cannot be committed"
            )));
        }
    }
    let (manifest_id, entries) = entries(connection, blobs, artifact_id)?;
    let digest = manifest_digest(&entries);
    if digest != artifact.digest {
        return Err(StoreError::Refused(format!(
            "artifact digest mismatch: announced {}, manifest has {digest}",
            artifact.digest
        )));
    }
    let size = link_files(connection, artifact_id, &entries)?;
    let version: i64 = connection.query_row(
        "SELECT coalesce(max(version) + 1, 0) FROM artifacts WHERE collection_id = ?1",
        [artifact.collection_id],
        |row| row.get(0),
    )?;
    connection.execute(
        "UPDATE artifacts SET state = 'COMMITTED', version = ?2, size = ?3, file_count = ?4, updated_at = ?5, \
         manifest_id = ?6 WHERE id = ?1",
        params![
            artifact_id,
            version,
            size,
            i64::try_from(entries.len()).unwrap_or(i64::MAX),
            now,
            manifest_id
        ],
    )?;
    let pending: String = connection.query_row(
        "SELECT pending_aliases FROM artifacts WHERE id = ?1",
        [artifact_id],
        |row| row.get(0),
    )?;
    let mut names: Vec<String> = serde_json::from_str(&pending).unwrap_or_default();
    names.push(String::from("latest"));
    aliases::set(connection, &artifact, &names)?;
    artifacts::by_id(connection, artifact_id)
}

/// Hex MD5 over the sorted `path:digest` lines, as clients compute it.
fn manifest_digest(entries: &BTreeMap<String, Entry>) -> String {
    let mut hash = Md5::new();
    hash.update(b"wandb-artifact-manifest-v1\n");
    for (path, entry) in entries {
        hash.update(format!("{path}:{}\n", entry.digest));
    }
    hex(&hash.finalize())
}

/// The artifact's manifest and entries: the full manifest, or the base's files with all incremental parts applied.
fn entries(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
) -> StoreResult<(i64, BTreeMap<String, Entry>)> {
    let parts: Vec<(i64, String, Option<i64>, Option<String>)> = connection
        .prepare_cached(
            "SELECT id, kind, base_id, blob FROM manifests WHERE artifact_id = ?1 ORDER BY id",
        )?
        .query_map([artifact_id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut all = BTreeMap::new();
    let mut last = None;
    for (id, kind, base, blob) in parts {
        let blob = blob.ok_or_else(|| {
            StoreError::Refused(String::from(
                "artifact manifest was announced but not uploaded",
            ))
        })?;
        let text = fs::read(blobs.path(&blob))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| StoreError::Refused(format!("artifact manifest: {error}")))?;
        if let (true, Some(base)) = (kind == "INCREMENTAL" && all.is_empty(), base) {
            for file in artifact_files::files(connection, base)? {
                let entry = Entry {
                    digest: file.digest,
                    size: Some(file.size),
                    reference: file.reference,
                };
                all.insert(file.name, entry);
            }
        }
        all.extend(manifest.contents);
        last = Some(id);
    }
    last.map(|id| (id, all))
        .ok_or_else(|| StoreError::Refused(String::from("artifact has no manifest")))
}

/// Makes the artifact's file rows those of the manifest; every content must be stored. Returns the total size.
fn link_files(
    connection: &Connection,
    artifact_id: i64,
    entries: &BTreeMap<String, Entry>,
) -> StoreResult<i64> {
    let mut stored = connection.prepare_cached(
        "SELECT blob, size, birth_id FROM artifact_files WHERE digest = ?1 AND blob IS NOT NULL \
         ORDER BY artifact_id = ?2 DESC LIMIT 1",
    )?;
    let mut put = connection.prepare_cached(
        "INSERT INTO artifact_files (artifact_id, name, digest, size, blob, ref, birth_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (artifact_id, name) DO UPDATE SET digest = excluded.digest, \
         size = excluded.size, blob = excluded.blob, ref = excluded.ref, birth_id = excluded.birth_id",
    )?;
    let mut total = 0;
    for (name, entry) in entries {
        let found: Option<(String, i64, i64)> = if entry.reference.is_some() {
            None
        } else {
            stored
                .query_row(params![entry.digest, artifact_id], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?
        };
        let (blob, size, birth) = match found {
            Some((blob, size, birth)) => (Some(blob), size, birth),
            None if entry.reference.is_some() => (None, entry.size.unwrap_or(0), artifact_id),
            None => {
                return Err(StoreError::Refused(format!(
                    "artifact file {name} with digest {} was not uploaded",
                    entry.digest
                )));
            }
        };
        if entry.size.is_some_and(|said| said != size) {
            return Err(StoreError::Refused(format!(
                "artifact file {name}: manifest says {} bytes, stored are {size}",
                entry.size.unwrap_or(0)
            )));
        }
        total += size;
        put.execute(params![
            artifact_id,
            name,
            entry.digest,
            size,
            blob,
            entry.reference,
            birth
        ])?;
    }
    for file in artifact_files::files(connection, artifact_id)? {
        if !entries.contains_key(&file.name) {
            connection.execute("DELETE FROM artifact_files WHERE id = ?1", [file.id])?;
        }
    }
    Ok(total)
}
