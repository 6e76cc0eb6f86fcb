//! Artifacts, their collections, manifests and files, up to the commit (which is in `commit.rs`).

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::aliases;
use crate::error::{StoreError, StoreResult};

/// A collection's row: the versions that share a name.
#[derive(Debug, Clone)]
pub(crate) struct CollectionRow {
    pub(crate) id: i64,
    pub(crate) entity: String,
    pub(crate) project: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: f64,
}

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
}

const COLLECTION: &str = "SELECT c.id, p.entity, p.name, c.type, c.name, c.description, c.created_at FROM collections c \
    JOIN projects p ON p.id = c.project_id";

fn collection_from(row: &Row<'_>) -> rusqlite::Result<CollectionRow> {
    Ok(CollectionRow {
        id: row.get(0)?,
        entity: row.get(1)?,
        project: row.get(2)?,
        kind: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        created_at: row.get(6)?,
    })
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
/// pending (the upload goes on).
pub(crate) fn create(
    connection: &Connection,
    new: &NewArtifact,
    now: f64,
) -> StoreResult<ArtifactRow> {
    if new.collection.is_empty() || new.collection.contains('/') || new.collection.len() > 128 {
        return Err(StoreError::Refused(format!(
            "invalid artifact name {:?}",
            new.collection
        )));
    }
    connection
        .prepare_cached(
            "INSERT INTO collections (project_id, type, name, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![new.project_id, new.kind, new.collection, now])?;
    let collection = connection
        .prepare_cached(&format!(
            "{COLLECTION} WHERE c.project_id = ?1 AND c.name = ?2"
        ))?
        .query_row(params![new.project_id, new.collection], collection_from)?;
    if collection.kind != new.kind {
        return Err(StoreError::Refused(format!(
            "artifact {} has type {}, not {}",
            collection.name, collection.kind, new.kind
        )));
    }
    let same = connection
        .prepare_cached(&format!(
            "{ARTIFACT} WHERE collection_id = ?1 AND digest = ?2 AND state IN ('COMMITTED', 'PENDING') \
             ORDER BY state, version DESC LIMIT 1"
        ))?
        .query_row(params![collection.id, new.digest], artifact_from)
        .optional()?;
    match same {
        Some(same) if same.state == "COMMITTED" => {
            aliases::set(connection, &same, &new.aliases)?;
            Ok(same)
        }
        Some(same) => {
            fill(connection, same.id, new)?;
            by_id(connection, same.id)
        }
        None => {
            connection
                .prepare_cached(
                    "INSERT INTO artifacts (collection_id, digest, state, created_at) VALUES (?1, ?2, 'PENDING', ?3)",
                )?
                .execute(params![collection.id, new.digest, now])?;
            let id = connection.last_insert_rowid();
            fill(connection, id, new)?;
            by_id(connection, id)
        }
    }
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
            "{ARTIFACT} WHERE client_id = ?1 AND state != 'DELETED' ORDER BY id DESC LIMIT 1"
        ))?
        .query_row([client_id], artifact_from)
        .optional()?)
}

/// The newest committed version of a collection.
pub(crate) fn latest(
    connection: &Connection,
    collection_id: i64,
) -> StoreResult<Option<ArtifactRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{ARTIFACT} WHERE collection_id = ?1 AND state = 'COMMITTED' ORDER BY version DESC LIMIT 1"
        ))?
        .query_row([collection_id], artifact_from)
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
pub(crate) fn use_by(connection: &Connection, run_id: i64, artifact_id: i64) -> StoreResult<()> {
    connection.execute(
        "INSERT INTO uses (run_id, artifact_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [run_id, artifact_id],
    )?;
    Ok(())
}

/// A collection by its row number.
pub(crate) fn collection_by_id(connection: &Connection, id: i64) -> StoreResult<CollectionRow> {
    connection
        .prepare_cached(&format!("{COLLECTION} WHERE c.id = ?1"))?
        .query_row([id], collection_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact collection")))
}

/// A collection by its name.
pub(crate) fn collection(
    connection: &Connection,
    project_id: i64,
    name: &str,
) -> StoreResult<Option<CollectionRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{COLLECTION} WHERE c.project_id = ?1 AND c.name = ?2"
        ))?
        .query_row(params![project_id, name], collection_from)
        .optional()?)
}

/// Collections of a project that have a version, by name; of one type where given.
pub(crate) fn collections(
    connection: &Connection,
    project_id: i64,
    kind: Option<&str>,
) -> StoreResult<Vec<CollectionRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "{COLLECTION} WHERE c.project_id = ?1 AND (?2 IS NULL OR c.type = ?2) \
         AND EXISTS (SELECT 1 FROM artifacts a WHERE a.collection_id = c.id AND a.state = 'COMMITTED') ORDER BY c.name"
    ))?;
    let rows = statement.query_map(params![project_id, kind], collection_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Deletes an artifact version; returns the blobs that may now be unused. Versions with aliases other than `latest` are
/// kept unless `with_aliases`.
pub(crate) fn delete(
    connection: &Connection,
    id: i64,
    with_aliases: bool,
) -> StoreResult<Vec<String>> {
    let artifact = by_id(connection, id)?;
    let named = aliases::of(connection, id)?
        .iter()
        .any(|(_, alias)| alias != "latest");
    if named && !with_aliases {
        return Err(StoreError::Refused(String::from(
            "artifact has aliases; delete them first or ask to delete them too",
        )));
    }
    let blobs = connection
        .prepare_cached(
            "SELECT blob FROM artifact_files WHERE artifact_id = ?1 AND blob IS NOT NULL \
             UNION SELECT blob FROM manifests WHERE artifact_id = ?1 AND blob IS NOT NULL",
        )?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in ["aliases", "artifact_files", "manifests", "uses"] {
        connection.execute(&format!("DELETE FROM {table} WHERE artifact_id = ?1"), [id])?;
    }
    connection.execute("UPDATE artifacts SET state = 'DELETED' WHERE id = ?1", [id])?;
    if let Some(latest) = latest(connection, artifact.collection_id)? {
        aliases::set(connection, &latest, &[String::from("latest")])?;
    }
    Ok(blobs)
}
