//! Cutting a run back to a step: `rewindRun`.

use rusqlite::{Connection, params};

use super::lines::{self, LineFile};
use super::runs::{self, RunRow};
use super::stream::{Keys, step_of};
use crate::error::StoreResult;

/// Removes every row after `step` and opens the run again.
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
        "DELETE FROM keys WHERE run_id = ?1 AND file = 'history'",
        [run.id],
    )?;
    let mut keys = Keys::default();
    let mut last_step = -1;
    let mut last_row = String::from("{}");
    let mut from = 0;
    loop {
        let page = lines::page(connection, run.id, LineFile::History, from, 1000)?;
        let Some((last_line, _)) = page.last() else {
            break;
        };
        from = last_line + 1;
        for (line, text) in page {
            keys.count(&text);
            last_step = last_step.max(step_of(&text).unwrap_or(line));
            last_row = text;
        }
    }
    keys.save(connection, run.id, "history")?;
    connection.execute(
        "UPDATE runs SET history_lines = ?2, last_step = ?3, summary = ?4, state = 'running', exitcode = NULL, \
         heartbeat_at = ?5 WHERE id = ?1",
        params![run.id, first_gone, last_step, last_row, now],
    )?;
    runs::by_id(connection, run.id)
}
