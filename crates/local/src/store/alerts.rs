//! Alerts of runs.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::error::StoreResult;

/// An alert as it comes.
pub(crate) struct Alert {
    pub(crate) title: String,
    pub(crate) text: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub(crate) severity: String,
    /// Milliseconds in which further alerts of the same title are only counted.
    pub(crate) wait_ms: i64,
}

/// Keeps an alert. One whose title was kept less than its wait ago is only counted.
pub(crate) fn keep(
    connection: &Connection,
    run_id: i64,
    alert: &Alert,
    now: f64,
) -> StoreResult<()> {
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of a wait")]
    let since = now - alert.wait_ms.max(0) as f64 / 1000.0;
    let kept: Option<i64> = connection
        .prepare_cached(
            "SELECT id FROM alerts WHERE run_id = ?1 AND title = ?2 AND at > ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![run_id, alert.title, since], |row| row.get(0))
        .optional()?;
    if let Some(id) = kept {
        connection.execute(
            "UPDATE alerts SET repeats = repeats + 1 WHERE id = ?1",
            [id],
        )?;
        return Ok(());
    }
    connection.execute(
        "INSERT INTO alerts (run_id, at, title, text, severity) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![run_id, now, alert.title, alert.text, alert.severity],
    )?;
    Ok(())
}

/// The alerts of a run, oldest first.
pub(crate) fn of(connection: &Connection, run_id: i64) -> StoreResult<Value> {
    let mut statement = connection.prepare_cached(
        "SELECT at, title, text, severity, repeats FROM alerts WHERE run_id = ?1 ORDER BY id",
    )?;
    let rows = statement.query_map([run_id], |row| {
        Ok(json!({
            "at": row.get::<_, f64>(0)?, "title": row.get::<_, String>(1)?, "text": row.get::<_, String>(2)?,
            "severity": row.get::<_, String>(3)?, "repeats": row.get::<_, i64>(4)?,
        }))
    })?;
    Ok(Value::Array(rows.collect::<Result<_, _>>()?))
}
