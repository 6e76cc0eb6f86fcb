//! Taking in `file_stream` posts.
//!
//! Rules: `wandb-history.jsonl` and `wandb-events.jsonl` have no holes (an offset past the end is refused with 400 and
//! counted as violation `gap`); lines that are sent again replace what was there. `output.log` is addressed by line and may
//! have holes. `wandb-summary.json` is its last line. A name in `uploaded` whose file never came is counted as
//! `uploaded_without_file`. After `complete`, a run takes only posts that change nothing (a retry of
//! what is stored already) until an upsert opens it again; another post is refused with 409 and counted as `after_complete`.
//! A longer silence than heartbeats allow is counted as `heartbeat_gap` by the post that ends it.
//!
//! Of several writers that share a run (header `X-WANDB-ASYNC-CLIENT-ID`) each has its own offsets; summaries are merged, and
//! posts that come after another writer's `complete` are taken without a change of the state.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::append::{self, Numbering};
use super::lines::LineFile;
use super::runs::{self, RunRow};
use super::violations;
use crate::error::{StoreError, StoreResult};
use crate::merged::Merged;

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

/// Where a post comes from and when.
pub(crate) struct Arrival<'a> {
    /// Entity, project and run id.
    pub(crate) place: (&'a str, &'a str, &'a str),
    /// The id of one of several writers that share the run.
    pub(crate) writer: Option<&'a str>,
    pub(crate) now: f64,
    /// Seconds of silence from which on it is a violation.
    pub(crate) heartbeat_s: f64,
}

/// Stores one post.
pub(crate) fn apply(
    connection: &Connection,
    arrival: &Arrival<'_>,
    post: &Post,
) -> StoreResult<Applied> {
    let (entity, project, name) = arrival.place;
    let run = runs::require(connection, entity, project, name)?;
    note_arrival(connection, &run, arrival)?;
    if let Some(gap) = gap(connection, &run, post, arrival.writer)? {
        violations::count(connection, run.id, "gap")?;
        return Ok(Applied::Gap(gap));
    }
    if run.has_ended() && arrival.writer.is_none() {
        if changes_something(connection, &run, post)? {
            violations::count(connection, run.id, "after_complete")?;
            return Ok(Applied::Ended(format!(
                "run {name} has ended; resume it before sending more"
            )));
        }
        return Ok(taken(&run));
    }
    store(connection, &run, post, arrival)?;
    Ok(taken(&runs::by_id(connection, run.id)?))
}

fn taken(run: &RunRow) -> Applied {
    Applied::Taken {
        stopped: run.stopped,
        exitcode: run.exitcode,
    }
}

fn note_arrival(
    connection: &Connection,
    run: &RunRow,
    &Arrival {
        now, heartbeat_s, ..
    }: &Arrival<'_>,
) -> StoreResult<()> {
    let silence = if run.stored_state == "running" {
        now - run.heartbeat_at
    } else {
        0.0
    };
    if silence > heartbeat_s {
        violations::count(connection, run.id, "heartbeat_gap")?;
    }
    connection
        .prepare_cached(
            "UPDATE runs SET posts = posts + 1, longest_silence = max(longest_silence, ?2) WHERE id = ?1",
        )?
        .execute(params![run.id, silence])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO posts (run_id, number, at) VALUES (?1, ?2, ?3)")?
        .execute(params![run.id, run.posts + 1, now])?;
    connection
        .prepare_cached("DELETE FROM posts WHERE run_id = ?1 AND number <= ?2")?
        .execute([run.id, run.posts + 1 - KEPT_POSTS])?;
    Ok(())
}

fn gap(
    connection: &Connection,
    run: &RunRow,
    post: &Post,
    writer: Option<&str>,
) -> StoreResult<Option<String>> {
    for (file, chunk) in &post.files {
        let end = |file| Numbering::new(connection, run, file, writer).expected();
        let expected = match file.as_str() {
            "wandb-history.jsonl" => end(LineFile::History)?,
            "wandb-events.jsonl" => end(LineFile::Events)?,
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

fn store(
    connection: &Connection,
    run: &RunRow,
    post: &Post,
    arrival: &Arrival<'_>,
) -> StoreResult<()> {
    let writer = arrival.writer;
    for (file, chunk) in &post.files {
        match file.as_str() {
            "wandb-history.jsonl" => append::history(connection, run, chunk, writer)?,
            "wandb-events.jsonl" => append::events(connection, run, chunk, writer)?,
            "output.log" => append::console(connection, run, chunk, writer)?,
            _ => summary(connection, run, chunk, writer)?,
        }
    }
    note_uploaded(connection, run, post)?;
    let state = state_after(run, post);
    let exitcode = match (post.complete, state) {
        (Some(true), _) => Some(post.exitcode.unwrap_or(0)),
        (_, "running") => None,
        _ => run.exitcode,
    };
    connection
        .prepare_cached(
            "UPDATE runs SET heartbeat_at = ?2, state = ?3, exitcode = ?4, preempting = max(preempting, ?5) WHERE id = ?1",
        )?
        .execute(params![
            run.id,
            arrival.now,
            state,
            exitcode,
            post.preempting.unwrap_or(false)
        ])?;
    Ok(())
}

/// W&B's states: 0 is finished; another exit code is killed if the run was asked to stop, preempted if it announced that, else
/// failed.
fn state_after<'a>(run: &'a RunRow, post: &Post) -> &'a str {
    match (post.complete, post.exitcode) {
        (Some(true), Some(0) | None) => "finished",
        (Some(true), Some(_)) if run.stopped => "killed",
        (Some(true), Some(_)) if run.preempting || post.preempting == Some(true) => "preempted",
        (Some(true), Some(_)) => "failed",
        _ if run.has_ended() => &run.stored_state,
        _ => "running",
    }
}

/// The summary is its last line; what several writers say is put together, the later word for each key counts.
fn summary(
    connection: &Connection,
    run: &RunRow,
    chunk: &Chunk,
    writer: Option<&str>,
) -> StoreResult<()> {
    let Some(line) = chunk.content.last() else {
        return Ok(());
    };
    let merged = if writer.is_some() {
        let (_, before) = runs::texts(connection, run.id)?;
        let mut whole = Merged::default();
        whole.add(&before);
        whole.add(line);
        Some(whole.text())
    } else {
        None
    };
    connection
        .prepare_cached("UPDATE runs SET summary = ?2 WHERE id = ?1")?
        .execute(params![run.id, merged.as_ref().unwrap_or(line)])?;
    Ok(())
}

/// A file that is said to be uploaded must be here.
fn note_uploaded(connection: &Connection, run: &RunRow, post: &Post) -> StoreResult<()> {
    let mut known = connection.prepare_cached(
        "SELECT 1 FROM files WHERE run_id = ?1 AND name = ?2 AND blob IS NOT NULL",
    )?;
    for name in post.uploaded.iter().flatten() {
        if !known.exists(params![run.id, name])? {
            violations::count(connection, run.id, "uploaded_without_file")?;
        }
    }
    Ok(())
}
