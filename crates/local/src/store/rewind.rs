//! Cutting a run back to a step: `rewindRun`.

use rusqlite::{Connection, params};

use super::fork;
use super::runs::{self, RunRow};
use crate::error::StoreResult;

/// Removes every row after `step` and opens the run again; the summary becomes that of the rows which stay.
pub(crate) fn rewind(
    connection: &Connection,
    run: &RunRow,
    step: i64,
    now: f64,
) -> StoreResult<RunRow> {
    let first_gone: i64 = connection.query_row(
        "SELECT coalesce(min(line), ?3) FROM history WHERE run_id = ?1 AND step > ?2",
        params![run.id, step, run.history_lines],
        |row| row.get(0),
    )?;
    connection.execute(
        "DELETE FROM history WHERE run_id = ?1 AND line >= ?2",
        [run.id, first_gone],
    )?;
    connection.execute(
        "DELETE FROM shared_lines WHERE run_id = ?1 AND file = 'history' AND line >= ?2",
        [run.id, first_gone],
    )?;
    fork::recount(connection, run.id)?;
    runs::reopen(connection, run.id, now)?;
    runs::by_id(connection, run.id)
}
