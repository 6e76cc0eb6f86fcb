//! Which versions a collection holds: those logged into it, and those linked to it.

use rusqlite::{Connection, OptionalExtension, params};

use super::aliases;
use super::artifacts::{self, ArtifactRow};
use super::collections::{self, CollectionRow, Kind};
use crate::error::{StoreError, StoreResult};

/// A version's place in one collection.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Row number of the link; minus that of the artifact where it was logged.
    pub(crate) id: i64,
    pub(crate) artifact: ArtifactRow,
    pub(crate) collection: CollectionRow,
    pub(crate) version: Option<i64>,
    pub(crate) created_at: f64,
}

impl Member {
    /// The place where the version was logged.
    pub(crate) fn source(artifact: ArtifactRow, collection: CollectionRow) -> Self {
        Self {
            id: -artifact.id,
            version: artifact.version,
            created_at: artifact.created_at,
            collection,
            artifact,
        }
    }
}

/// An artifact's place in a collection, if it is there.
pub(crate) fn find(
    connection: &Connection,
    collection: &CollectionRow,
    artifact: &ArtifactRow,
) -> StoreResult<Option<Member>> {
    if artifact.collection_id == collection.id {
        return Ok(Some(Member::source(artifact.clone(), collection.clone())));
    }
    let link = connection
        .prepare_cached(
            "SELECT id, version, created_at FROM members WHERE collection_id = ?1 AND artifact_id = ?2",
        )?
        .query_row([collection.id, artifact.id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(link.map(|(id, version, created_at)| Member {
        id,
        artifact: artifact.clone(),
        collection: collection.clone(),
        version: Some(version),
        created_at,
    }))
}

/// All places of an artifact, that of its origin first.
pub(crate) fn of_artifact(
    connection: &Connection,
    artifact: &ArtifactRow,
) -> StoreResult<Vec<Member>> {
    let mut ids: Vec<i64> = vec![artifact.collection_id];
    let mut statement = connection
        .prepare_cached("SELECT collection_id FROM members WHERE artifact_id = ?1 ORDER BY id")?;
    for id in statement.query_map([artifact.id], |row| row.get(0))? {
        ids.push(id?);
    }
    let mut places = Vec::new();
    for id in ids {
        let collection = collections::by_id(connection, id)?;
        places.extend(find(connection, &collection, artifact)?);
    }
    Ok(places)
}

/// What a collection holds, newest first.
pub(crate) fn list(
    connection: &Connection,
    collection: &CollectionRow,
) -> StoreResult<Vec<Member>> {
    if collection.kind == Kind::Sequence {
        let rows = artifacts::versions(connection, collection.id)?.into_iter();
        return Ok(rows
            .map(|row| Member::source(row, collection.clone()))
            .collect());
    }
    let mut statement = connection.prepare_cached(
        "SELECT artifact_id FROM members WHERE collection_id = ?1 ORDER BY version DESC",
    )?;
    let ids: Vec<i64> = statement
        .query_map([collection.id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut all = Vec::new();
    for id in ids {
        let artifact = artifacts::by_id(connection, id)?;
        all.extend(find(connection, collection, &artifact)?);
    }
    Ok(all)
}

/// The version of a collection with that number.
pub(crate) fn by_version(
    connection: &Connection,
    collection: &CollectionRow,
    version: i64,
) -> StoreResult<Option<Member>> {
    let query = match collection.kind {
        Kind::Sequence => {
            "SELECT id FROM artifacts WHERE collection_id = ?1 AND version = ?2 AND state = 'COMMITTED'"
        }
        Kind::Portfolio => {
            "SELECT artifact_id FROM members WHERE collection_id = ?1 AND version = ?2"
        }
    };
    let id: Option<i64> = connection
        .prepare_cached(query)?
        .query_row([collection.id, version], |row| row.get(0))
        .optional()?;
    match id {
        Some(id) => find(connection, collection, &artifacts::by_id(connection, id)?),
        None => Ok(None),
    }
}

/// Links a committed version to a portfolio, as its newest version unless it is there already; `latest` follows.
pub(crate) fn link(
    connection: &Connection,
    artifact: &ArtifactRow,
    portfolio: &CollectionRow,
    names: &[String],
    now: f64,
) -> StoreResult<Member> {
    if artifact.state != "COMMITTED" {
        return Err(StoreError::Refused(format!(
            "artifact is {}, only committed ones can be linked",
            artifact.state
        )));
    }
    connection.execute(
        "INSERT INTO members (collection_id, artifact_id, version, created_at) VALUES (?1, ?2, \
         (SELECT coalesce(max(version) + 1, 0) FROM members WHERE collection_id = ?1), ?3) ON CONFLICT DO NOTHING",
        params![portfolio.id, artifact.id, now],
    )?;
    let mut names = names.to_vec();
    names.push(String::from("latest"));
    aliases::set(connection, portfolio.id, artifact.id, &names)?;
    find(connection, portfolio, artifact)?.ok_or_else(|| StoreError::NotFound(String::from("link")))
}

/// Takes a version out of a portfolio; `latest` moves to the newest one that is left.
pub(crate) fn unlink(
    connection: &Connection,
    artifact_id: i64,
    portfolio: &CollectionRow,
) -> StoreResult<()> {
    let gone = connection.execute(
        "DELETE FROM members WHERE collection_id = ?1 AND artifact_id = ?2",
        [portfolio.id, artifact_id],
    )?;
    if gone == 0 {
        return Err(StoreError::NotFound(String::from("link")));
    }
    connection.execute(
        "DELETE FROM aliases WHERE collection_id = ?1 AND artifact_id = ?2",
        [portfolio.id, artifact_id],
    )?;
    keep_latest(connection, portfolio)
}

/// Points `latest` at the newest version if it points nowhere.
pub(crate) fn keep_latest(connection: &Connection, collection: &CollectionRow) -> StoreResult<()> {
    let known: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM aliases WHERE collection_id = ?1 AND alias = 'latest')",
        [collection.id],
        |row| row.get(0),
    )?;
    let newest = list(connection, collection)?.into_iter().next();
    if let (false, Some(newest)) = (known, newest) {
        let latest = [String::from("latest")];
        aliases::set(connection, collection.id, newest.artifact.id, &latest)?;
    }
    Ok(())
}
