//! Files of artifacts that come in parts.

use rusqlite::{Connection, OptionalExtension, params};

use crate::blobs::{Blobs, Incoming};
use crate::error::{StoreError, StoreResult};
use crate::secret::random_hex;
use crate::sign::hex;

/// An upload in parts.
#[derive(Debug, Clone)]
pub(crate) struct MultipartRow {
    pub(crate) id: i64,
    pub(crate) upload_id: String,
    pub(crate) file_id: i64,
    pub(crate) parts: i64,
}

/// A part that has arrived.
#[derive(Debug, Clone)]
pub(crate) struct PartRow {
    pub(crate) number: i64,
    /// Hex MD5 of its content.
    pub(crate) md5: String,
    pub(crate) size: i64,
}

/// Begins an upload of a file in `parts` parts.
pub(crate) fn begin(
    connection: &Connection,
    file_id: i64,
    parts: i64,
) -> StoreResult<MultipartRow> {
    let upload_id = random_hex(16);
    connection.execute(
        "INSERT INTO multiparts (upload_id, file_id, parts) VALUES (?1, ?2, ?3)",
        params![upload_id, file_id, parts],
    )?;
    Ok(MultipartRow {
        id: connection.last_insert_rowid(),
        upload_id,
        file_id,
        parts,
    })
}

fn find(connection: &Connection, column: &str, value: &str) -> StoreResult<MultipartRow> {
    connection
        .prepare_cached(&format!(
            "SELECT id, upload_id, file_id, parts FROM multiparts WHERE {column} = ?1"
        ))?
        .query_row([value], |row| {
            Ok(MultipartRow {
                id: row.get(0)?,
                upload_id: row.get(1)?,
                file_id: row.get(2)?,
                parts: row.get(3)?,
            })
        })
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("upload in parts")))
}

/// An upload by its row number.
pub(crate) fn by_id(connection: &Connection, id: i64) -> StoreResult<MultipartRow> {
    find(connection, "id", &id.to_string())
}

/// An upload by the name that the client knows.
pub(crate) fn by_name(connection: &Connection, upload_id: &str) -> StoreResult<MultipartRow> {
    find(connection, "upload_id", upload_id)
}

/// The parts of an upload that have arrived.
pub(crate) fn arrived(connection: &Connection, id: i64) -> StoreResult<Vec<PartRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, md5, size FROM parts WHERE multipart_id = ?1 ORDER BY number",
    )?;
    let rows = statement.query_map([id], |row| {
        Ok(PartRow {
            number: row.get(0)?,
            md5: row.get(1)?,
            size: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a part; returns whether the same one was here already.
pub(crate) fn keep(
    connection: &Connection,
    blobs: &Blobs,
    upload: &MultipartRow,
    number: i64,
    incoming: &Incoming,
) -> StoreResult<bool> {
    if number < 1 || number > upload.parts {
        return Err(StoreError::Refused(format!(
            "part {number} of an upload in {} parts",
            upload.parts
        )));
    }
    let md5 = hex(&incoming.md5);
    let known = arrived(connection, upload.id)?
        .iter()
        .any(|part| part.number == number && part.md5 == md5);
    blobs.keep_part(incoming, &upload.upload_id, number)?;
    connection.execute(
        "INSERT OR REPLACE INTO parts (multipart_id, number, md5, size) VALUES (?1, ?2, ?3, ?4)",
        params![upload.id, number, md5, incoming.size],
    )?;
    Ok(known)
}

/// Checks that all parts are here and are those that the client names by their tags, and that none but the last is smaller than
/// `least_part_bytes`.
pub(crate) fn check(
    connection: &Connection,
    upload: &MultipartRow,
    said: &[(i64, String)],
    least_part_bytes: i64,
) -> StoreResult<()> {
    let parts = arrived(connection, upload.id)?;
    for number in 1..=upload.parts {
        let part = parts.iter().find(|part| part.number == number);
        let tag = said.iter().find(|(said, _)| *said == number);
        let (Some(part), Some((_, tag))) = (part, tag) else {
            return Err(StoreError::Refused(format!(
                "part {number} of {} was not uploaded or not named",
                upload.parts
            )));
        };
        if tag.trim_matches('"') != part.md5 {
            return Err(StoreError::Refused(format!(
                "part {number} has the tag {}, not {tag}",
                part.md5
            )));
        }
        if number < upload.parts && part.size < least_part_bytes {
            return Err(StoreError::Refused(format!(
                "part {number} has {} bytes, at least {least_part_bytes} are needed",
                part.size
            )));
        }
    }
    Ok(())
}

/// Removes what uploads left behind whose file is complete or gone; done at the start.
pub(crate) fn sweep(connection: &Connection, blobs: &Blobs) -> StoreResult<()> {
    connection.execute(
        "DELETE FROM multiparts WHERE NOT EXISTS \
         (SELECT 1 FROM artifact_files f WHERE f.id = multiparts.file_id AND f.blob IS NULL)",
        [],
    )?;
    connection.execute(
        "DELETE FROM parts WHERE multipart_id NOT IN (SELECT id FROM multiparts)",
        [],
    )?;
    for name in blobs.uploads()? {
        if matches!(by_name(connection, &name), Err(StoreError::NotFound(_))) {
            blobs.drop_parts(&name)?;
        }
    }
    Ok(())
}

/// Forgets the uploads in parts of a file; returns their names.
pub(crate) fn forget(connection: &Connection, file_id: i64) -> StoreResult<Vec<String>> {
    let names: Vec<String> = connection
        .prepare_cached("SELECT upload_id FROM multiparts WHERE file_id = ?1")?
        .query_map([file_id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    connection.execute(
        "DELETE FROM parts WHERE multipart_id IN (SELECT id FROM multiparts WHERE file_id = ?1)",
        [file_id],
    )?;
    connection.execute("DELETE FROM multiparts WHERE file_id = ?1", [file_id])?;
    Ok(names)
}
