//! Files of runs, and which blobs are still used.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{StoreError, StoreResult};

/// A run file's row.
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) blob: Option<String>,
    pub(crate) size: i64,
    /// Base64 of the content's MD5.
    pub(crate) md5: Option<String>,
    pub(crate) updated_at: f64,
}

fn file_from(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: row.get(0)?,
        name: row.get(1)?,
        blob: row.get(2)?,
        size: row.get(3)?,
        md5: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// A place for an upload: the row of that name, made where it is missing. An existing file stays readable until the upload is done.
pub(crate) fn announce(
    connection: &Connection,
    run_id: i64,
    name: &str,
    now: f64,
) -> StoreResult<i64> {
    if name.is_empty() || name.len() > 1024 || name.chars().any(char::is_control) {
        return Err(StoreError::Refused(format!("invalid file name {name:?}")));
    }
    connection
        .prepare_cached(
            "INSERT INTO files (run_id, name, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![run_id, name, now])?;
    Ok(connection
        .prepare_cached("SELECT id FROM files WHERE run_id = ?1 AND name = ?2")?
        .query_row(params![run_id, name], |row| row.get(0))?)
}

/// Notes a finished upload; returns the blob that it replaced.
pub(crate) fn stored(
    connection: &Connection,
    file_id: i64,
    blob: &str,
    size: i64,
    md5: &str,
    now: f64,
) -> StoreResult<Option<String>> {
    let old = by_id(connection, file_id)?.blob;
    connection
        .prepare_cached(
            "UPDATE files SET blob = ?2, size = ?3, md5 = ?4, updated_at = ?5 WHERE id = ?1",
        )?
        .execute(params![file_id, blob, size, md5, now])?;
    Ok(old.filter(|old| old != blob))
}

/// A file by its row number.
pub(crate) fn by_id(connection: &Connection, id: i64) -> StoreResult<FileRow> {
    connection
        .prepare_cached("SELECT id, name, blob, size, md5, updated_at FROM files WHERE id = ?1")?
        .query_row([id], file_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("file")))
}

/// A run's file that has arrived, by name.
pub(crate) fn by_name(connection: &Connection, run_id: i64, name: &str) -> StoreResult<FileRow> {
    connection
        .prepare_cached(
            "SELECT id, name, blob, size, md5, updated_at FROM files WHERE run_id = ?1 AND name = ?2 AND blob IS NOT NULL",
        )?
        .query_row(params![run_id, name], file_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(format!("file {name}")))
}

/// The files of a run that have arrived, by name; `pattern` is SQL's LIKE.
pub(crate) fn list(
    connection: &Connection,
    run_id: i64,
    pattern: Option<&str>,
) -> StoreResult<Vec<FileRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, blob, size, md5, updated_at FROM files \
         WHERE run_id = ?1 AND blob IS NOT NULL AND (?2 IS NULL OR name LIKE ?2) ORDER BY name",
    )?;
    let rows = statement.query_map(params![run_id, pattern], file_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes a file; returns its blob.
pub(crate) fn delete(connection: &Connection, id: i64) -> StoreResult<Option<String>> {
    let blob = by_id(connection, id)?.blob;
    connection.execute("DELETE FROM files WHERE id = ?1", [id])?;
    Ok(blob)
}

/// Whether any file, artifact or manifest still needs the blob.
pub(crate) fn blob_in_use(connection: &Connection, blob: &str) -> StoreResult<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM files WHERE blob = ?1) OR EXISTS (SELECT 1 FROM artifact_files WHERE blob = ?1) \
             OR EXISTS (SELECT 1 FROM manifests WHERE blob = ?1)",
        )?
        .query_row([blob], |row| row.get(0))?)
}
