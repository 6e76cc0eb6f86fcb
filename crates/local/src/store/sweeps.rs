//! Sweeps: there is no controller here, so a sweep is the runs that name it.

use rusqlite::Connection;

use crate::error::StoreResult;

/// A sweep that runs of a project name.
#[derive(Debug, Clone)]
pub(crate) struct SweepRow {
    pub(crate) name: String,
    /// Row number of its first run.
    pub(crate) first_run: i64,
    pub(crate) runs: i64,
    pub(crate) created_at: f64,
}

/// The sweeps of a project, oldest first.
pub(crate) fn list(connection: &Connection, project_id: i64) -> StoreResult<Vec<SweepRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT sweep, min(id), count(*), min(created_at) FROM runs WHERE project_id = ?1 AND sweep IS NOT NULL \
         GROUP BY sweep ORDER BY min(id)",
    )?;
    let rows = statement.query_map([project_id], |row| {
        Ok(SweepRow {
            name: row.get(0)?,
            first_run: row.get(1)?,
            runs: row.get(2)?,
            created_at: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
