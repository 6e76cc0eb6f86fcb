//! Deleting versions and collections.

use rusqlite::Connection;

use super::artifacts;
use super::collections::{self, CollectionRow};
use super::{aliases, members};
use crate::error::{StoreError, StoreResult};

/// Deletes an artifact version; returns the blobs that may now be unused. Versions with aliases other than `latest` are
/// kept unless `with_aliases`.
pub(crate) fn artifact(
    connection: &Connection,
    id: i64,
    with_aliases: bool,
) -> StoreResult<Vec<String>> {
    let artifact = artifacts::by_id(connection, id)?;
    let named = aliases::of(connection, id)?
        .iter()
        .any(|row| row.alias != "latest");
    if named && !with_aliases {
        return Err(StoreError::Refused(String::from(
            "artifact has aliases; delete them first or ask to delete them too",
        )));
    }
    let places = members::of_artifact(connection, &artifact)?;
    let blobs = connection
        .prepare_cached(
            "SELECT blob FROM artifact_files WHERE artifact_id = ?1 AND blob IS NOT NULL \
             UNION SELECT blob FROM manifests WHERE artifact_id = ?1 AND blob IS NOT NULL",
        )?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in ["aliases", "artifact_files", "manifests", "uses", "members"] {
        connection.execute(&format!("DELETE FROM {table} WHERE artifact_id = ?1"), [id])?;
    }
    connection.execute("UPDATE artifacts SET state = 'DELETED' WHERE id = ?1", [id])?;
    for place in places {
        members::keep_latest(connection, &place.collection)?;
    }
    Ok(blobs)
}

/// Deletes a collection: all versions of a sequence, only the links of a portfolio. Returns what it was and the blobs that may
/// now be unused.
pub(crate) fn collection(
    connection: &Connection,
    id: i64,
) -> StoreResult<(CollectionRow, Vec<String>)> {
    let row = collections::by_id(connection, id)?;
    let versions: Vec<i64> = connection
        .prepare_cached("SELECT id FROM artifacts WHERE collection_id = ?1 AND state != 'DELETED'")?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut blobs = Vec::new();
    for version in versions {
        blobs.extend(artifact(connection, version, true)?);
    }
    for table in ["aliases", "members", "sequence_ids", "artifacts"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE collection_id = ?1"),
            [id],
        )?;
    }
    connection.execute("DELETE FROM collections WHERE id = ?1", [id])?;
    Ok((row, blobs))
}
