//! Aliases: names that point at one version of a collection each.

use rusqlite::{Connection, OptionalExtension, params};

use super::artifacts;
use super::collections::{self, CollectionRow};
use super::members::{self, Member};
use crate::error::StoreResult;

/// A name that points at a version of a collection.
#[derive(Debug, Clone)]
pub(crate) struct AliasRow {
    pub(crate) id: i64,
    pub(crate) alias: String,
    pub(crate) collection_id: i64,
}

/// Points the aliases at this version; where they pointed before is forgotten.
pub(crate) fn set(
    connection: &Connection,
    collection_id: i64,
    artifact_id: i64,
    aliases: &[String],
) -> StoreResult<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO aliases (collection_id, alias, artifact_id) VALUES (?1, ?2, ?3) \
         ON CONFLICT (collection_id, alias) DO UPDATE SET artifact_id = excluded.artifact_id",
    )?;
    for alias in aliases {
        put.execute(params![collection_id, alias, artifact_id])?;
    }
    Ok(())
}

/// Takes the aliases away from this version.
pub(crate) fn unset(
    connection: &Connection,
    collection_id: i64,
    artifact_id: i64,
    aliases: &[String],
) -> StoreResult<()> {
    for alias in aliases {
        connection.execute(
            "DELETE FROM aliases WHERE artifact_id = ?1 AND alias = ?2 AND collection_id = ?3",
            params![artifact_id, alias, collection_id],
        )?;
    }
    Ok(())
}

/// A version's aliases in all collections that hold it.
pub(crate) fn of(connection: &Connection, artifact_id: i64) -> StoreResult<Vec<AliasRow>> {
    list(connection, "artifact_id", artifact_id)
}

/// A version's aliases in one collection.
pub(crate) fn of_member(
    connection: &Connection,
    collection_id: i64,
    artifact_id: i64,
) -> StoreResult<Vec<AliasRow>> {
    let mut all = of(connection, artifact_id)?;
    all.retain(|row| row.collection_id == collection_id);
    Ok(all)
}

/// All aliases of a collection.
pub(crate) fn of_collection(
    connection: &Connection,
    collection_id: i64,
) -> StoreResult<Vec<AliasRow>> {
    list(connection, "collection_id", collection_id)
}

fn list(connection: &Connection, column: &str, id: i64) -> StoreResult<Vec<AliasRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id, alias, collection_id FROM aliases WHERE {column} = ?1 ORDER BY id"
    ))?;
    let rows = statement.query_map([id], |row| {
        Ok(AliasRow {
            id: row.get(0)?,
            alias: row.get(1)?,
            collection_id: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version that `alias` (or `v3`) names in a collection.
pub(crate) fn resolve(
    connection: &Connection,
    collection: &CollectionRow,
    alias: &str,
) -> StoreResult<Option<Member>> {
    let by_alias: Option<i64> = connection
        .prepare_cached("SELECT artifact_id FROM aliases WHERE collection_id = ?1 AND alias = ?2")?
        .query_row(params![collection.id, alias], |row| row.get(0))
        .optional()?;
    if let Some(id) = by_alias {
        let artifact = artifacts::by_id(connection, id)?;
        return members::find(connection, collection, &artifact);
    }
    let number = alias.strip_prefix('v').and_then(|v| v.parse::<i64>().ok());
    match number {
        Some(version) => members::by_version(connection, collection, version),
        None => Ok(members::list(connection, collection)?
            .into_iter()
            .find(|member| member.artifact.digest == alias)),
    }
}

/// The version that `name:alias` (or `name`, for `latest`) names in a project.
pub(crate) fn resolve_name(
    connection: &Connection,
    project_id: i64,
    name: &str,
) -> StoreResult<Option<Member>> {
    let (name, alias) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let Some(collection) = collections::by_name(connection, project_id, name)? else {
        return Ok(None);
    };
    resolve(connection, &collection, alias)
}
