//! Collections: sequences hold the versions that were logged under a name, portfolios those that were linked to one.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{StoreError, StoreResult};

/// What kind of collection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its versions were logged under this name.
    Sequence,
    /// Its versions were linked from elsewhere.
    Portfolio,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Sequence => "SEQUENCE",
            Self::Portfolio => "PORTFOLIO",
        }
    }
}

/// A collection's row: the versions that share a name.
#[derive(Debug, Clone)]
pub(crate) struct CollectionRow {
    pub(crate) id: i64,
    pub(crate) project_id: i64,
    pub(crate) entity: String,
    pub(crate) project: String,
    /// Type of its artifacts.
    pub(crate) artifact_type: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: f64,
    pub(crate) updated_at: Option<f64>,
    pub(crate) kind: Kind,
    pub(crate) tags: Vec<String>,
}

const COLLECTION: &str = "SELECT c.id, p.entity, p.name, c.type, c.name, c.description, c.created_at, c.kind, c.tags, \
    c.updated_at, c.project_id FROM collections c JOIN projects p ON p.id = c.project_id";

fn collection_from(row: &Row<'_>) -> rusqlite::Result<CollectionRow> {
    let (kind, tags): (String, String) = (row.get(7)?, row.get(8)?);
    Ok(CollectionRow {
        id: row.get(0)?,
        entity: row.get(1)?,
        project: row.get(2)?,
        artifact_type: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        created_at: row.get(6)?,
        kind: if kind == "PORTFOLIO" {
            Kind::Portfolio
        } else {
            Kind::Sequence
        },
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        updated_at: row.get(9)?,
        project_id: row.get(10)?,
    })
}

/// The collection of that name, made where it is missing. One of another kind or type is refused.
pub(crate) fn require(
    connection: &Connection,
    project_id: i64,
    name: &str,
    artifact_type: &str,
    kind: Kind,
    now: f64,
) -> StoreResult<CollectionRow> {
    check_name(name)?;
    connection
        .prepare_cached(
            "INSERT INTO collections (project_id, type, name, created_at, kind) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![project_id, artifact_type, name, now, kind.text()])?;
    let collection = by_name(connection, project_id, name)?
        .ok_or_else(|| StoreError::NotFound(format!("artifact collection {name}")))?;
    if collection.kind != kind {
        return Err(StoreError::Refused(format!(
            "{name} is a {}, not a {}",
            collection.kind.text(),
            kind.text()
        )));
    }
    if collection.artifact_type != artifact_type {
        return Err(StoreError::Refused(format!(
            "artifact {name} has type {}, not {artifact_type}",
            collection.artifact_type
        )));
    }
    Ok(collection)
}

fn check_name(name: &str) -> StoreResult<()> {
    if name.is_empty() || name.contains('/') || name.len() > 128 {
        return Err(StoreError::Refused(format!(
            "invalid artifact name {name:?}"
        )));
    }
    Ok(())
}

/// A collection by its row number.
pub(crate) fn by_id(connection: &Connection, id: i64) -> StoreResult<CollectionRow> {
    connection
        .prepare_cached(&format!("{COLLECTION} WHERE c.id = ?1"))?
        .query_row([id], collection_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("artifact collection")))
}

/// A collection by its name.
pub(crate) fn by_name(
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

/// A collection by its path.
pub(crate) fn by_path(
    connection: &Connection,
    entity: &str,
    project: &str,
    name: &str,
) -> StoreResult<Option<CollectionRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "{COLLECTION} WHERE p.entity = ?1 AND p.name = ?2 AND c.name = ?3"
        ))?
        .query_row(params![entity, project, name], collection_from)
        .optional()?)
}

/// Collections of a project that have a version, by name; of one type where given.
pub(crate) fn list(
    connection: &Connection,
    project_id: i64,
    artifact_type: Option<&str>,
) -> StoreResult<Vec<CollectionRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "{COLLECTION} WHERE c.project_id = ?1 AND (?2 IS NULL OR c.type = ?2) AND (c.kind = 'PORTFOLIO' OR EXISTS \
         (SELECT 1 FROM artifacts a WHERE a.collection_id = c.id AND a.state = 'COMMITTED')) ORDER BY c.name"
    ))?;
    let rows = statement.query_map(params![project_id, artifact_type], collection_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All portfolios of an entity, by project and name.
pub(crate) fn portfolios(connection: &Connection, entity: &str) -> StoreResult<Vec<CollectionRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "{COLLECTION} WHERE p.entity = ?1 AND c.kind = 'PORTFOLIO' ORDER BY p.name, c.name"
    ))?;
    let rows = statement.query_map([entity], collection_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A new name, description, type; what is `None` stays.
pub(crate) fn update(
    connection: &Connection,
    id: i64,
    (name, description, artifact_type): (Option<&str>, Option<&str>, Option<&str>),
    now: f64,
) -> StoreResult<CollectionRow> {
    let old = by_id(connection, id)?;
    if let Some(name) = name.filter(|name| *name != old.name) {
        check_name(name)?;
        if by_name(connection, old.project_id, name)?.is_some() {
            return Err(StoreError::Refused(format!(
                "an artifact collection {name} exists already"
            )));
        }
    }
    connection.execute(
        "UPDATE collections SET name = coalesce(?2, name), description = coalesce(?3, description), \
         type = coalesce(?4, type), updated_at = ?5 WHERE id = ?1",
        params![id, name, description, artifact_type, now],
    )?;
    by_id(connection, id)
}

/// Adds and takes away tags.
pub(crate) fn retag(
    connection: &Connection,
    collection: &CollectionRow,
    add: Vec<String>,
    remove: &[String],
) -> StoreResult<Vec<String>> {
    let tags = retagged(collection.tags.clone(), add, remove);
    connection.execute(
        "UPDATE collections SET tags = ?2 WHERE id = ?1",
        params![
            collection.id,
            serde_json::Value::from(tags.clone()).to_string()
        ],
    )?;
    Ok(tags)
}

/// `tags` after a change, each once.
pub(crate) fn retagged(mut tags: Vec<String>, add: Vec<String>, remove: &[String]) -> Vec<String> {
    tags.retain(|tag| !remove.contains(tag));
    for tag in add {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}
