//! Aliases: names that point at one version of a collection each.

use rusqlite::{Connection, OptionalExtension, params};

use super::artifacts::{self, ArtifactRow, CollectionRow};
use crate::error::StoreResult;

/// Points the aliases at this version; where they pointed before is forgotten.
pub(crate) fn set(
    connection: &Connection,
    artifact: &ArtifactRow,
    aliases: &[String],
) -> StoreResult<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO aliases (collection_id, alias, artifact_id) VALUES (?1, ?2, ?3) \
         ON CONFLICT (collection_id, alias) DO UPDATE SET artifact_id = excluded.artifact_id",
    )?;
    for alias in aliases {
        put.execute(params![artifact.collection_id, alias, artifact.id])?;
    }
    Ok(())
}

/// Takes the aliases away from this version.
pub(crate) fn unset(
    connection: &Connection,
    artifact: &ArtifactRow,
    aliases: &[String],
) -> StoreResult<()> {
    for alias in aliases {
        connection.execute(
            "DELETE FROM aliases WHERE artifact_id = ?1 AND alias = ?2",
            params![artifact.id, alias],
        )?;
    }
    Ok(())
}

/// Row numbers and names of a version's aliases.
pub(crate) fn of(connection: &Connection, artifact_id: i64) -> StoreResult<Vec<(i64, String)>> {
    list(connection, "artifact_id", artifact_id)
}

/// Row numbers and names of a collection's aliases.
pub(crate) fn of_collection(
    connection: &Connection,
    collection_id: i64,
) -> StoreResult<Vec<(i64, String)>> {
    list(connection, "collection_id", collection_id)
}

fn list(connection: &Connection, column: &str, id: i64) -> StoreResult<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id, alias FROM aliases WHERE {column} = ?1 ORDER BY id"
    ))?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version that `alias` (or `v3`) names in a collection.
pub(crate) fn resolve(
    connection: &Connection,
    collection: &CollectionRow,
    alias: &str,
) -> StoreResult<Option<ArtifactRow>> {
    let by_alias: Option<i64> = connection
        .prepare_cached("SELECT artifact_id FROM aliases WHERE collection_id = ?1 AND alias = ?2")?
        .query_row(params![collection.id, alias], |row| row.get(0))
        .optional()?;
    let id = match (by_alias, alias.strip_prefix('v').and_then(|v| v.parse::<i64>().ok())) {
        (Some(id), _) => Some(id),
        (None, Some(version)) => connection
            .prepare_cached(
                "SELECT id FROM artifacts WHERE collection_id = ?1 AND version = ?2 AND state = 'COMMITTED'",
            )?
            .query_row([collection.id, version], |row| row.get(0))
            .optional()?,
        (None, None) => None,
    };
    id.map(|id| artifacts::by_id(connection, id)).transpose()
}

/// The version that `name:alias` (or `name`, for `latest`) names in a project.
pub(crate) fn resolve_name(
    connection: &Connection,
    project_id: i64,
    name: &str,
) -> StoreResult<Option<ArtifactRow>> {
    let (name, alias) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let Some(collection) = artifacts::collection(connection, project_id, name)? else {
        return Ok(None);
    };
    resolve(connection, &collection, alias)
}
