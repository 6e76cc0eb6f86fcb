//! Broken rules of the protocol, counted per run, to be read by tests and shown on the page.

use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use crate::error::StoreResult;

/// Counts a broken rule. `run_id` 0 stands for requests that belong to no run.
pub(crate) fn count(connection: &Connection, run_id: i64, kind: &str) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO violations (run_id, kind, count) VALUES (?1, ?2, 1) \
             ON CONFLICT (run_id, kind) DO UPDATE SET count = count + 1",
        )?
        .execute(params![run_id, kind])?;
    Ok(())
}

/// `{kind: count}` of a run.
pub(crate) fn of(connection: &Connection, run_id: i64) -> StoreResult<Value> {
    let mut statement =
        connection.prepare_cached("SELECT kind, count FROM violations WHERE run_id = ?1")?;
    let mut rows = statement.query([run_id])?;
    let mut counts = Map::new();
    while let Some(row) = rows.next()? {
        counts.insert(row.get(0)?, row.get::<_, i64>(1)?.into());
    }
    Ok(Value::Object(counts))
}

/// `{"entity/project/run": {kind: count}}` of all runs that broke a rule; what belongs to no run is under `""`.
pub(crate) fn all(connection: &Connection) -> StoreResult<Value> {
    let mut statement = connection.prepare_cached(
        "SELECT v.run_id, coalesce(p.entity || '/' || p.name || '/' || r.name, '') FROM violations v \
         LEFT JOIN runs r ON r.id = v.run_id LEFT JOIN projects p ON p.id = r.project_id GROUP BY v.run_id",
    )?;
    let mut rows = statement.query([])?;
    let mut runs = Map::new();
    while let Some(row) = rows.next()? {
        runs.insert(row.get(1)?, of(connection, row.get(0)?)?);
    }
    Ok(Value::Object(runs))
}
