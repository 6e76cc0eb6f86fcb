//! Manifests and files of artifacts.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::artifacts::by_id;
use crate::error::{StoreError, StoreResult};

/// A file of an artifact.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactFileRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) size: i64,
    pub(crate) blob: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) birth_id: i64,
}

/// A manifest of an artifact: made, or the one of that name with a new digest. Returns its row number.
pub(crate) fn manifest(
    connection: &Connection,
    artifact_id: i64,
    (name, kind, digest): (&str, &str, &str),
    base_id: Option<i64>,
) -> StoreResult<i64> {
    by_id(connection, artifact_id)?;
    let known: Option<i64> = connection
        .query_row(
            "SELECT id FROM manifests WHERE artifact_id = ?1 AND name = ?2 AND kind = 'FULL'",
            params![artifact_id, name],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(id) = known {
        connection.execute(
            "UPDATE manifests SET digest = ?2, base_id = coalesce(?3, base_id) WHERE id = ?1",
            params![id, digest, base_id],
        )?;
        return Ok(id);
    }
    connection.execute(
        "INSERT INTO manifests (artifact_id, name, kind, digest, base_id) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![artifact_id, name, kind, digest, base_id],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Blob, file name and expected digest (base64 MD5, empty when not said) of a manifest.
pub(crate) fn manifest_blob(
    connection: &Connection,
    id: i64,
) -> StoreResult<(Option<String>, String, String)> {
    connection
        .query_row(
            "SELECT blob, name, digest FROM manifests WHERE id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact manifest")))
}

/// Announces a file of a pending artifact. Content that is stored already is linked at once.
pub(crate) fn announce_file(
    connection: &Connection,
    artifact_id: i64,
    name: &str,
    digest: &str,
) -> StoreResult<ArtifactFileRow> {
    let artifact = by_id(connection, artifact_id)?;
    if artifact.state != "PENDING" {
        return Err(StoreError::Refused(format!(
            "artifact is {}, files can be added only while PENDING",
            artifact.state
        )));
    }
    let stored: Option<(String, i64, i64)> = connection
        .prepare_cached(
            "SELECT blob, size, birth_id FROM artifact_files WHERE digest = ?1 AND blob IS NOT NULL LIMIT 1",
        )?
        .query_row([digest], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (blob, size, birth) = match stored {
        Some((blob, size, birth)) => (Some(blob), size, birth),
        None => (None, 0, artifact_id),
    };
    connection
        .prepare_cached(
            "INSERT INTO artifact_files (artifact_id, name, digest, size, blob, birth_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (artifact_id, name) DO UPDATE SET digest = excluded.digest, size = excluded.size, \
             blob = excluded.blob, birth_id = excluded.birth_id",
        )?
        .execute(params![artifact_id, name, digest, size, blob, birth])?;
    Ok(connection
        .prepare_cached(&format!("{FILE} WHERE artifact_id = ?1 AND name = ?2"))?
        .query_row(params![artifact_id, name], artifact_file_from)?)
}

const FILE: &str = "SELECT id, name, digest, size, blob, ref, birth_id FROM artifact_files";

fn artifact_file_from(row: &Row<'_>) -> rusqlite::Result<ArtifactFileRow> {
    Ok(ArtifactFileRow {
        id: row.get(0)?,
        name: row.get(1)?,
        digest: row.get(2)?,
        size: row.get(3)?,
        blob: row.get(4)?,
        reference: row.get(5)?,
        birth_id: row.get(6)?,
    })
}

/// Notes that a file's content has arrived.
pub(crate) fn stored(connection: &Connection, id: i64, blob: &str, size: i64) -> StoreResult<()> {
    connection
        .prepare_cached("UPDATE artifact_files SET blob = ?2, size = ?3 WHERE id = ?1")?
        .execute(params![id, blob, size])?;
    Ok(())
}

/// A file of an artifact by its row number.
pub(crate) fn file_by_id(connection: &Connection, id: i64) -> StoreResult<ArtifactFileRow> {
    connection
        .prepare_cached(&format!("{FILE} WHERE id = ?1"))?
        .query_row([id], artifact_file_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact file")))
}

/// A stored file of any artifact with this digest (base64 MD5).
pub(crate) fn file_by_digest(
    connection: &Connection,
    digest: &str,
) -> StoreResult<ArtifactFileRow> {
    connection
        .prepare_cached(&format!(
            "{FILE} WHERE digest = ?1 AND blob IS NOT NULL LIMIT 1"
        ))?
        .query_row([digest], artifact_file_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact file")))
}

/// A file of an artifact by its name.
pub(crate) fn file_by_name(
    connection: &Connection,
    artifact_id: i64,
    name: &str,
) -> StoreResult<Option<ArtifactFileRow>> {
    Ok(connection
        .prepare_cached(&format!("{FILE} WHERE artifact_id = ?1 AND name = ?2"))?
        .query_row(params![artifact_id, name], artifact_file_from)
        .optional()?)
}

/// Files of an artifact by name, from position `from` on, at most `count`.
pub(crate) fn page(
    connection: &Connection,
    artifact_id: i64,
    from: i64,
    count: i64,
) -> StoreResult<Vec<ArtifactFileRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "{FILE} WHERE artifact_id = ?1 ORDER BY name LIMIT ?3 OFFSET ?2"
    ))?;
    let rows = statement.query_map(params![artifact_id, from, count], artifact_file_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many files an artifact has.
pub(crate) fn count(connection: &Connection, artifact_id: i64) -> StoreResult<i64> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM artifact_files WHERE artifact_id = ?1")?
        .query_row([artifact_id], |row| row.get(0))?)
}

/// All files of an artifact by name.
pub(crate) fn files(
    connection: &Connection,
    artifact_id: i64,
) -> StoreResult<Vec<ArtifactFileRow>> {
    page(connection, artifact_id, 0, i64::MAX)
}

/// Blobs of an artifact that are not known to be synced to the disk.
pub(crate) fn loose(connection: &Connection, artifact_id: i64) -> StoreResult<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT f.blob FROM artifact_files f JOIN loose l ON l.blob = f.blob WHERE f.artifact_id = ?1",
    )?;
    let rows = statement.query_map([artifact_id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a blob is listed as not synced.
pub(crate) fn is_loose(connection: &Connection, blob: &str) -> StoreResult<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM loose WHERE blob = ?1)")?
        .query_row([blob], |row| row.get(0))?)
}

/// Lists a blob as not synced.
pub(crate) fn list_loose(connection: &Connection, blob: &str) -> StoreResult<()> {
    connection
        .prepare_cached("INSERT INTO loose (blob) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([blob])?;
    Ok(())
}
