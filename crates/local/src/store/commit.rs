//! Committing an artifact: the manifest and every file are checked before a version number is given.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::artifacts::{self, ArtifactRow};
use super::manifests::{self, Entry, Manifest, Whole};
use super::{aliases, artifact_files};
use crate::blobs::Blobs;
use crate::error::{StoreError, StoreResult};

/// Gives the artifact its version. An artifact that is committed already is returned as it is. `settled` are the loose blobs that
/// have been synced for this commit; others that it needs are synced here.
pub(crate) fn commit(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
    now: f64,
    settled: &[String],
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
    let (manifest_id, digest, entries) = checked(connection, blobs, &artifact)?;
    let size = link_files(connection, artifact_id, &entries)?;
    settle(connection, blobs, artifact_id, settled)?;
    let version: i64 = connection.query_row(
        "SELECT coalesce(max(version) + 1, 0) FROM artifacts WHERE collection_id = ?1",
        [artifact.collection_id],
        |row| row.get(0),
    )?;
    connection.execute(
        "UPDATE artifacts SET state = 'COMMITTED', version = ?2, size = ?3, file_count = ?4, updated_at = ?5, \
         manifest_id = ?6, digest = ?7 WHERE id = ?1",
        params![
            artifact_id,
            version,
            size,
            i64::try_from(entries.len()).unwrap_or(i64::MAX),
            now,
            manifest_id,
            digest
        ],
    )?;
    let pending: String = connection.query_row(
        "SELECT pending_aliases FROM artifacts WHERE id = ?1",
        [artifact_id],
        |row| row.get(0),
    )?;
    let mut names: Vec<String> = serde_json::from_str(&pending).unwrap_or_default();
    names.push(String::from("latest"));
    aliases::set(connection, artifact.collection_id, artifact.id, &names)?;
    artifacts::by_id(connection, artifact_id)
}

/// Row number of the artifact's manifest, its digest and its entries. The digest of a manifest that came whole must be the
/// announced one; what was put together here gets a manifest of its own.
fn checked(
    connection: &Connection,
    blobs: &Blobs,
    artifact: &ArtifactRow,
) -> StoreResult<(i64, String, BTreeMap<String, Entry>)> {
    match manifests::whole(connection, blobs, artifact.id)? {
        Whole::Uploaded(id, manifest) => {
            let entries = manifest.entries()?;
            let digest = manifests::digest(&entries);
            if digest != artifact.digest {
                return Err(StoreError::Refused(format!(
                    "artifact digest mismatch: announced {}, manifest has {digest}",
                    artifact.digest
                )));
            }
            Ok((id, digest, entries))
        }
        Whole::Merged(manifest) => {
            let entries = manifest.entries()?;
            let id = store(connection, blobs, artifact.id, &manifest)?;
            Ok((id, manifests::digest(&entries), entries))
        }
    }
}

fn store(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
    manifest: &Manifest,
) -> StoreResult<i64> {
    let blob = blobs.keep(&blobs.take(manifest.text().as_bytes(), true)?)?;
    connection.execute(
        "INSERT INTO manifests (artifact_id, name, kind, blob) VALUES (?1, 'wandb_manifest.json', 'FULL', ?2)",
        params![artifact_id, blob],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Syncs what is still loose; a damaged file is asked for again.
fn settle(
    connection: &Connection,
    blobs: &Blobs,
    artifact_id: i64,
    settled: &[String],
) -> StoreResult<()> {
    let mut done = connection.prepare_cached("DELETE FROM loose WHERE blob = ?1")?;
    for blob in settled {
        done.execute([blob])?;
    }
    let late = artifact_files::loose(connection, artifact_id)?;
    if late.is_empty() {
        blobs.forget(settled);
        return Ok(());
    }
    if let Some(damaged) = blobs.settle(&late)?.first() {
        return Err(StoreError::Refused(format!(
            "the stored file with MD5 {damaged} is damaged: upload it again"
        )));
    }
    for blob in &late {
        done.execute([blob])?;
    }
    blobs.forget(settled);
    blobs.forget(&late);
    Ok(())
}

/// Removes a damaged blob, so that it is asked for again.
pub(crate) fn lose(connection: &Connection, blobs: &Blobs, blob: &str) -> StoreResult<()> {
    blobs.remove(blob)?;
    connection.execute(
        "UPDATE artifact_files SET blob = NULL WHERE blob = ?1",
        [blob],
    )?;
    connection.execute("DELETE FROM loose WHERE blob = ?1", [blob])?;
    Ok(())
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
