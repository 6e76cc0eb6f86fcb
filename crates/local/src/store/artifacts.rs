//! Artifacts, their collections, manifests and files, up to the commit (which is in `commit.rs`).

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::aliases;
use super::collections::{self, Kind};
use crate::error::{StoreError, StoreResult};

/// An artifact's row.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactRow {
    pub(crate) id: i64,
    pub(crate) collection_id: i64,
    pub(crate) run_id: Option<i64>,
    pub(crate) digest: String,
    pub(crate) state: String,
    pub(crate) version: Option<i64>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) size: i64,
    pub(crate) file_count: i64,
    pub(crate) created_at: f64,
    pub(crate) updated_at: Option<f64>,
    pub(crate) history_step: Option<i64>,
    pub(crate) ttl: Option<i64>,
    pub(crate) tags: Vec<String>,
    pub(crate) manifest_id: Option<i64>,
}

/// What `createArtifact` asks for.
#[derive(Debug, Default)]
pub(crate) struct NewArtifact {
    pub(crate) project_id: i64,
    pub(crate) kind: String,
    pub(crate) collection: String,
    pub(crate) run_id: Option<i64>,
    pub(crate) digest: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) ttl: Option<i64>,
    pub(crate) history_step: Option<i64>,
    pub(crate) client_id: Option<String>,
    pub(crate) sequence_client_id: Option<String>,
    /// Several writers with the same one write parts of one version.
    pub(crate) distributed_id: Option<String>,
}

const ARTIFACT: &str = "SELECT id, collection_id, run_id, digest, state, version, description, metadata, size, file_count, \
    created_at, updated_at, history_step, ttl, tags, manifest_id FROM artifacts";

fn artifact_from(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    let tags: String = row.get(14)?;
    Ok(ArtifactRow {
        id: row.get(0)?,
        collection_id: row.get(1)?,
        run_id: row.get(2)?,
        digest: row.get(3)?,
        state: row.get(4)?,
        version: row.get(5)?,
        description: row.get(6)?,
        metadata: row.get(7)?,
        size: row.get(8)?,
        file_count: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        history_step: row.get(12)?,
        ttl: row.get(13)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        manifest_id: row.get(15)?,
    })
}

/// Starts an artifact, or returns the one of this collection with the same digest: committed (nothing to upload) or still
/// pending (the upload goes on). Writers with the same distributed id get the same pending artifact.
pub(crate) fn create(
    connection: &Connection,
    new: &NewArtifact,
    now: f64,
) -> StoreResult<ArtifactRow> {
    let name = &new.collection;
    let kind = Kind::Sequence;
    let collection = collections::require(connection, new.project_id, name, &new.kind, kind, now)?;
    let found = match &new.distributed_id {
        Some(distributed) => started_with(connection, collection.id, distributed)?,
        None => same_content(connection, collection.id, &new.digest)?,
    };
    let artifact = match found {
        Some(same) if same.state == "COMMITTED" => {
            aliases::set(connection, collection.id, same.id, &new.aliases)?;
            same
        }
        Some(same) => {
            fill(connection, same.id, new)?;
            by_id(connection, same.id)?
        }
        None => {
            connection
                .prepare_cached(
                    "INSERT INTO artifacts (collection_id, digest, state, created_at, distributed_id) \
                     VALUES (?1, ?2, 'PENDING', ?3, ?4)",
                )?
                .execute(params![collection.id, new.digest, now, new.distributed_id])?;
            let id = connection.last_insert_rowid();
            fill(connection, id, new)?;
            by_id(connection, id)?
        }
    };
    note_client_ids(connection, new, &artifact)?;
    Ok(artifact)
}

fn same_content(
    connection: &Connection,
    collection_id: i64,
    digest: &str,
) -> StoreResult<Option<ArtifactRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{ARTIFACT} WHERE collection_id = ?1 AND digest = ?2 AND state IN ('COMMITTED', 'PENDING') \
             AND (state = 'COMMITTED' OR distributed_id IS NULL) ORDER BY state, version DESC LIMIT 1"
        ))?
        .query_row(params![collection_id, digest], artifact_from)
        .optional()?)
}

fn started_with(
    connection: &Connection,
    collection_id: i64,
    distributed_id: &str,
) -> StoreResult<Option<ArtifactRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{ARTIFACT} WHERE collection_id = ?1 AND distributed_id = ?2 AND state = 'PENDING' ORDER BY id DESC LIMIT 1"
        ))?
        .query_row(params![collection_id, distributed_id], artifact_from)
        .optional()?)
}

/// Keeps the ids that the client made up, also those of content that was here already: paths in rows name them.
fn note_client_ids(
    connection: &Connection,
    new: &NewArtifact,
    artifact: &ArtifactRow,
) -> StoreResult<()> {
    if let Some(id) = &new.client_id {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO client_ids (client_id, artifact_id) VALUES (?1, ?2)",
            )?
            .execute(params![id, artifact.id])?;
    }
    if let Some(id) = &new.sequence_client_id {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sequence_ids (client_id, collection_id) VALUES (?1, ?2)",
            )?
            .execute(params![id, artifact.collection_id])?;
    }
    Ok(())
}

fn fill(connection: &Connection, id: i64, new: &NewArtifact) -> StoreResult<()> {
    connection
        .prepare_cached(
            "UPDATE artifacts SET run_id = coalesce(?2, run_id), description = ?3, metadata = ?4, pending_aliases = ?5, \
             tags = ?6, ttl = ?7, history_step = ?8, client_id = ?9, sequence_client_id = ?10 WHERE id = ?1",
        )?
        .execute(params![
            id,
            new.run_id,
            new.description,
            new.metadata,
            serde_json::Value::from(new.aliases.clone()).to_string(),
            serde_json::Value::from(new.tags.clone()).to_string(),
            new.ttl,
            new.history_step,
            new.client_id,
            new.sequence_client_id,
        ])?;
    Ok(())
}

/// An artifact by its row number.
pub(crate) fn by_id(connection: &Connection, id: i64) -> StoreResult<ArtifactRow> {
    connection
        .prepare_cached(&format!("{ARTIFACT} WHERE id = ?1"))?
        .query_row([id], artifact_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact")))
}

/// An artifact by the id that its client made up.
pub(crate) fn by_client_id(
    connection: &Connection,
    client_id: &str,
) -> StoreResult<Option<ArtifactRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{ARTIFACT} WHERE state != 'DELETED' AND (client_id = ?1 OR id = \
             (SELECT artifact_id FROM client_ids WHERE client_id = ?1)) ORDER BY id DESC LIMIT 1"
        ))?
        .query_row([client_id], artifact_from)
        .optional()?)
}

/// The collection that a client named by an id of its own.
pub(crate) fn sequence_by_client_id(
    connection: &Connection,
    client_id: &str,
) -> StoreResult<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT collection_id FROM sequence_ids WHERE client_id = ?1")?
        .query_row([client_id], |row| row.get(0))
        .optional()?)
}

/// Committed versions of a collection, newest first.
pub(crate) fn versions(
    connection: &Connection,
    collection_id: i64,
) -> StoreResult<Vec<ArtifactRow>> {
    select(
        connection,
        "collection_id = ?1 AND state = 'COMMITTED' ORDER BY version DESC",
        collection_id,
    )
}

/// Committed artifacts that a run logged, oldest first.
pub(crate) fn logged_by(connection: &Connection, run_id: i64) -> StoreResult<Vec<ArtifactRow>> {
    select(
        connection,
        "run_id = ?1 AND state = 'COMMITTED' ORDER BY id",
        run_id,
    )
}

/// Artifacts that a run used.
pub(crate) fn used_by(connection: &Connection, run_id: i64) -> StoreResult<Vec<ArtifactRow>> {
    select(
        connection,
        "id IN (SELECT artifact_id FROM uses WHERE run_id = ?1) AND state = 'COMMITTED' ORDER BY id",
        run_id,
    )
}

/// Runs that used an artifact.
pub(crate) fn users(connection: &Connection, artifact_id: i64) -> StoreResult<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT run_id FROM uses WHERE artifact_id = ?1 ORDER BY run_id")?;
    let rows = statement.query_map([artifact_id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn select(connection: &Connection, condition: &str, id: i64) -> StoreResult<Vec<ArtifactRow>> {
    let mut statement = connection.prepare_cached(&format!("{ARTIFACT} WHERE {condition}"))?;
    let rows = statement.query_map([id], artifact_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a run uses an artifact.
pub(crate) fn use_by(
    connection: &Connection,
    run_id: i64,
    artifact_id: i64,
    used_as: Option<&str>,
) -> StoreResult<()> {
    connection.execute(
        "INSERT INTO uses (run_id, artifact_id, used_as) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET used_as = coalesce(excluded.used_as, used_as)",
        params![run_id, artifact_id, used_as],
    )?;
    Ok(())
}

/// What an artifact was used as by a run.
pub(crate) fn used_as(
    connection: &Connection,
    run_id: i64,
    artifact_id: i64,
) -> StoreResult<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT used_as FROM uses WHERE run_id = ?1 AND artifact_id = ?2")?
        .query_row([run_id, artifact_id], |row| row.get(0))
        .optional()?
        .flatten())
}
