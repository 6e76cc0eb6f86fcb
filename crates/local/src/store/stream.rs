//! Taking in `file_stream` posts.
//!
//! Rules: `wandb-history.jsonl` and `wandb-events.jsonl` have no holes (an offset past the end is refused with 400 and
//! counted as violation `gap`); lines that are sent again replace what was there. `output.log` is addressed by line and may
//! have holes. `wandb-summary.json` is its last line. A name in `uploaded` whose file never came is counted as
//! `uploaded_without_file`. After `complete`, a run takes only posts that change nothing (a retry of
//! what is stored already) until an upsert opens it again; another post is refused with 409 and counted as `after_complete`.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::runs::{self, RunRow};
use crate::error::{StoreError, StoreResult};
use crate::extjson;

/// Arrival times that are kept per run.
const KEPT_POSTS: i64 = 1000;

/// Body of a post; every part may be missing.
#[derive(Debug, Deserialize, Default)]
pub(crate) struct Post {
    #[serde(default)]
    pub(crate) files: HashMap<String, Chunk>,
    #[serde(default)]
    pub(crate) uploaded: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) preempting: Option<bool>,
    #[serde(default)]
    pub(crate) complete: Option<bool>,
    #[serde(default)]
    pub(crate) exitcode: Option<i64>,
}

/// Consecutive lines of one file.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk {
    #[serde(default)]
    pub(crate) offset: i64,
    pub(crate) content: Vec<String>,
}

/// Outcome of a post that was understood.
pub(crate) enum Applied {
    /// Stored; says whether the owner asked the run to stop, and its exit code when it has ended.
    Taken {
        stopped: bool,
        exitcode: Option<i64>,
    },
    /// Not stored: why (400), with the violation already counted.
    Gap(String),
    /// Not stored: the run has ended (409), counted.
    Ended(String),
}

/// Stores one post.
pub(crate) fn apply(
    connection: &Connection,
    (entity, project, name): (&str, &str, &str),
    post: &Post,
    now: f64,
) -> StoreResult<Applied> {
    let run = runs::require(connection, entity, project, name)?;
    note_arrival(connection, &run, now)?;
    if let Some(gap) = gap(&run, post)? {
        violation(connection, run.id, "gap")?;
        return Ok(Applied::Gap(gap));
    }
    let ended = matches!(run.stored_state.as_str(), "finished" | "failed");
    if ended {
        if changes_something(connection, &run, post)? {
            violation(connection, run.id, "after_complete")?;
            return Ok(Applied::Ended(format!(
                "run {name} has ended; resume it before sending more"
            )));
        }
        return Ok(Applied::Taken {
            stopped: run.stopped,
            exitcode: run.exitcode,
        });
    }
    store(connection, &run, post, now)?;
    let run = runs::by_id(connection, run.id)?;
    Ok(Applied::Taken {
        stopped: run.stopped,
        exitcode: run.exitcode,
    })
}

/// Counts a broken rule, to be read by tests and shown on the page.
pub(crate) fn violation(connection: &Connection, run_id: i64, kind: &str) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO violations (run_id, kind, count) VALUES (?1, ?2, 1) \
             ON CONFLICT (run_id, kind) DO UPDATE SET count = count + 1",
        )?
        .execute(params![run_id, kind])?;
    Ok(())
}

fn note_arrival(connection: &Connection, run: &RunRow, now: f64) -> StoreResult<()> {
    connection
        .prepare_cached("UPDATE runs SET posts = posts + 1 WHERE id = ?1")?
        .execute([run.id])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO posts (run_id, number, at) VALUES (?1, ?2, ?3)")?
        .execute(params![run.id, run.posts + 1, now])?;
    connection
        .prepare_cached("DELETE FROM posts WHERE run_id = ?1 AND number <= ?2")?
        .execute([run.id, run.posts + 1 - KEPT_POSTS])?;
    Ok(())
}

fn gap(run: &RunRow, post: &Post) -> StoreResult<Option<String>> {
    for (file, chunk) in &post.files {
        let expected = match file.as_str() {
            "wandb-history.jsonl" => run.history_lines,
            "wandb-events.jsonl" => run.events_lines,
            "output.log" | "wandb-summary.json" => i64::MAX,
            other => {
                return Err(StoreError::Refused(format!(
                    "unknown file_stream file {other}"
                )));
            }
        };
        if chunk.offset < 0 || chunk.offset > expected {
            return Ok(Some(format!(
                "{file}: expected offset {expected} or less, got {}",
                chunk.offset
            )));
        }
    }
    Ok(None)
}

fn changes_something(connection: &Connection, run: &RunRow, post: &Post) -> StoreResult<bool> {
    let exitcode = post.exitcode.or(run.exitcode);
    if (post.complete == Some(true) && exitcode != run.exitcode) || post.preempting == Some(true) {
        return Ok(true);
    }
    for (file, chunk) in &post.files {
        let table = match file.as_str() {
            "wandb-history.jsonl" => "history",
            "wandb-events.jsonl" => "events",
            "output.log" => "console",
            _ => {
                let (_, summary) = runs::texts(connection, run.id)?;
                if chunk.content.last().is_some_and(|line| *line != summary) {
                    return Ok(true);
                }
                continue;
            }
        };
        let mut stored = connection.prepare_cached(&format!(
            "SELECT text FROM {table} WHERE run_id = ?1 AND line = ?2"
        ))?;
        for (line, text) in (chunk.offset..).zip(&chunk.content) {
            let same: Option<String> = stored
                .query_row([run.id, line], |row| row.get(0))
                .optional()?;
            if same.as_deref() != Some(text) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn store(connection: &Connection, run: &RunRow, post: &Post, now: f64) -> StoreResult<()> {
    for (file, chunk) in &post.files {
        match file.as_str() {
            "wandb-history.jsonl" => history(connection, run, chunk)?,
            "wandb-events.jsonl" => events(connection, run, chunk)?,
            "output.log" => console(connection, run, chunk)?,
            _ => {
                if let Some(line) = chunk.content.last() {
                    connection
                        .prepare_cached("UPDATE runs SET summary = ?2 WHERE id = ?1")?
                        .execute(params![run.id, line])?;
                }
            }
        }
    }
    note_uploaded(connection, run, post)?;
    let state = match (post.complete, post.exitcode) {
        (Some(true), Some(0) | None) => "finished",
        (Some(true), Some(_)) => "failed",
        _ => "running",
    };
    let exitcode = (state != "running").then(|| post.exitcode.unwrap_or(0));
    connection
        .prepare_cached(
            "UPDATE runs SET heartbeat_at = ?2, state = ?3, exitcode = ?4, preempting = max(preempting, ?5) WHERE id = ?1",
        )?
        .execute(params![
            run.id,
            now,
            state,
            exitcode,
            post.preempting.unwrap_or(false)
        ])?;
    Ok(())
}

/// A file that is said to be uploaded must be here.
fn note_uploaded(connection: &Connection, run: &RunRow, post: &Post) -> StoreResult<()> {
    let mut known = connection.prepare_cached(
        "SELECT 1 FROM files WHERE run_id = ?1 AND name = ?2 AND blob IS NOT NULL",
    )?;
    for name in post.uploaded.iter().flatten() {
        if !known.exists(params![run.id, name])? {
            violation(connection, run.id, "uploaded_without_file")?;
        }
    }
    Ok(())
}

fn history(connection: &Connection, run: &RunRow, chunk: &Chunk) -> StoreResult<()> {
    let mut replace =
        connection.prepare_cached("DELETE FROM history WHERE run_id = ?1 AND line = ?2")?;
    let mut insert = connection
        .prepare_cached("INSERT INTO history (run_id, line, step, text) VALUES (?1, ?2, ?3, ?4)")?;
    let mut keys = Keys::default();
    let mut last_step = run.last_step;
    let mut end = run.history_lines;
    for (line, text) in (chunk.offset..).zip(&chunk.content) {
        let step = step_of(text).unwrap_or(line);
        if line < run.history_lines {
            replace.execute([run.id, line])?;
        } else {
            keys.count(text);
        }
        insert.execute(params![run.id, line, step, text])?;
        last_step = last_step.max(step);
        end = end.max(line + 1);
    }
    keys.save(connection, run.id, "history")?;
    connection
        .prepare_cached("UPDATE runs SET history_lines = ?2, last_step = ?3 WHERE id = ?1")?
        .execute([run.id, end, last_step])?;
    Ok(())
}

fn events(connection: &Connection, run: &RunRow, chunk: &Chunk) -> StoreResult<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO events (run_id, line, text) VALUES (?1, ?2, ?3)")?;
    let mut keys = Keys::default();
    let mut end = run.events_lines;
    for (line, text) in (chunk.offset..).zip(&chunk.content) {
        if line >= run.events_lines {
            keys.count(text);
        }
        insert.execute(params![run.id, line, text])?;
        end = end.max(line + 1);
    }
    keys.save(connection, run.id, "events")?;
    connection
        .prepare_cached("UPDATE runs SET events_lines = ?2 WHERE id = ?1")?
        .execute([run.id, end])?;
    Ok(())
}

fn console(connection: &Connection, run: &RunRow, chunk: &Chunk) -> StoreResult<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO console (run_id, line, text) VALUES (?1, ?2, ?3)",
    )?;
    let mut end = run.console_lines;
    for (line, text) in (chunk.offset..).zip(&chunk.content) {
        insert.execute(params![run.id, line, text])?;
        end = end.max(line + 1);
    }
    connection
        .prepare_cached("UPDATE runs SET console_lines = ?2 WHERE id = ?1")?
        .execute([run.id, end])?;
    Ok(())
}

/// `_step` of a row as a whole number.
pub(super) fn step_of(text: &str) -> Option<i64> {
    let raw = extjson::get(text, "_step")?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a step written as a float is taken by its floor"
    )]
    raw.parse::<i64>()
        .ok()
        .or_else(|| extjson::number(raw).map(|step| step.floor() as i64))
}

/// Which keys occur how often with which kind of value.
#[derive(Default)]
pub(super) struct Keys {
    seen: HashMap<(String, String), i64>,
}

impl Keys {
    pub(super) fn count(&mut self, text: &str) {
        extjson::leaves(text, &mut |name, raw| {
            let kind = extjson::kind(raw);
            *self
                .seen
                .entry((name.to_owned(), kind.into_owned()))
                .or_default() += 1;
        });
    }

    pub(super) fn save(self, connection: &Connection, run_id: i64, file: &str) -> StoreResult<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO keys (run_id, file, key, kind, rows) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET rows = rows + excluded.rows",
        )?;
        for ((key, kind), rows) in self.seen {
            add.execute(params![run_id, file, key, kind, rows])?;
        }
        Ok(())
    }
}
