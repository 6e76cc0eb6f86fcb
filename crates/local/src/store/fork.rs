//! Starting a run with the history of another: `fork_from`.
//!
//! The client says it with a mark in the config of the new run, `_wandb.branch_point = {"run_id", "step"}`, and sends its own
//! rows after those that are copied here.

use rusqlite::{Connection, params};

use super::append::{Keys, step_of};
use super::lines::{self, LineFile};
use super::runs::{self, RunRow};
use crate::error::StoreResult;
use crate::extjson;
use crate::merged::Merged;

/// Rows that are looked at together.
const PAGE: i64 = 1000;

/// Copies the rows up to the branch point from the run that the config of a new run names. A mark that names the run itself
/// is a rewind's, which has been done by then.
///
/// # Errors
/// The source is not there.
pub(super) fn copy_source(connection: &Connection, run: &RunRow) -> StoreResult<()> {
    let (config, _) = runs::texts(connection, run.id)?;
    let Some((source, step)) = branch_point(&config).filter(|(source, _)| *source != run.name)
    else {
        return Ok(());
    };
    let project = &run.project;
    let source = runs::require(connection, &project.entity, &project.name, &source)?;
    connection.execute(
        "INSERT INTO history (run_id, line, step, text) SELECT ?1, row_number() OVER (ORDER BY line) - 1, step, text \
         FROM history WHERE run_id = ?2 AND step <= ?3",
        params![run.id, source.id, step],
    )?;
    recount(connection, run.id)
}

fn branch_point(config: &str) -> Option<(String, i64)> {
    let mark = extjson::lookup(config, "_wandb.value.branch_point").and_then(extjson::to_json)?;
    #[allow(clippy::cast_possible_truncation, reason = "a step is a whole number")]
    let step = mark["step"].as_f64()?.floor() as i64;
    Some((mark["run_id"].as_str()?.to_owned(), step))
}

/// Takes number of rows, last step, keys and summary of a run from the rows that it has.
pub(super) fn recount(connection: &Connection, run_id: i64) -> StoreResult<()> {
    connection.execute(
        "DELETE FROM keys WHERE run_id = ?1 AND file = 'history'",
        [run_id],
    )?;
    let mut keys = Keys::default();
    let mut summary = Merged::default();
    let mut last_step = -1;
    let mut next = 0;
    loop {
        let page = lines::page(connection, run_id, LineFile::History, next, PAGE)?;
        let Some((last_line, _)) = page.last() else {
            break;
        };
        next = last_line + 1;
        for (line, text) in page {
            keys.count(&text);
            summary.add(&text);
            last_step = last_step.max(step_of(&text).unwrap_or(line));
        }
    }
    keys.save(connection, run_id, LineFile::History)?;
    connection.execute(
        "UPDATE runs SET history_lines = ?2, last_step = ?3, summary = ?4 WHERE id = ?1",
        params![run_id, next, last_step, summary.text()],
    )?;
    Ok(())
}
