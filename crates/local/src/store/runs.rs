//! Runs and projects as rows, and how they are found.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::Moment;
use crate::error::{StoreError, StoreResult};

/// A project's row.
#[derive(Debug, Clone)]
pub(crate) struct ProjectRow {
    pub(crate) id: i64,
    pub(crate) entity: String,
    pub(crate) name: String,
    pub(crate) created_at: f64,
}

/// A run's row without its long texts (config, summary).
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) id: i64,
    pub(crate) project: ProjectRow,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) group: Option<String>,
    pub(crate) job_type: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) host: Option<String>,
    pub(crate) program: Option<String>,
    pub(crate) repo: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) sweep: Option<String>,
    pub(crate) stored_state: String,
    pub(crate) exitcode: Option<i64>,
    pub(crate) stopped: bool,
    pub(crate) preempting: bool,
    pub(crate) created_at: f64,
    pub(crate) heartbeat_at: f64,
    pub(crate) history_lines: i64,
    pub(crate) events_lines: i64,
    pub(crate) console_lines: i64,
    pub(crate) last_step: i64,
    pub(crate) posts: i64,
    /// Longest time between two posts while it ran, in seconds.
    pub(crate) longest_silence: f64,
}

/// An empty text is one that was taken away.
pub(crate) fn shown(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

impl RunRow {
    /// The state as shown at a moment: a running run that has gone silent was killed if that was asked for, preempted if it
    /// announced that, else it has crashed. With the next post it runs again.
    pub(crate) fn state(&self, at: Moment) -> &str {
        let silent = at.now - self.heartbeat_at > at.crashed_after_s;
        match (self.stored_state.as_str(), silent) {
            ("running", true) if self.stopped => "killed",
            ("running", true) if self.preempting => "preempted",
            ("running", true) => "crashed",
            ("running", false) if self.preempting => "preempting",
            (stored, _) => stored,
        }
    }

    /// Whether the run said itself how it ended.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(
            self.stored_state.as_str(),
            "finished" | "failed" | "killed" | "preempted"
        )
    }
}

const RUN_COLUMNS: &str = "r.id, r.name, r.display_name, r.group_name, r.job_type, r.notes, r.description, r.tags, r.host, \
    r.program, r.repo, r.commit_sha, r.sweep, r.state, r.exitcode, r.stopped, r.created_at, r.heartbeat_at, \
    r.history_lines, r.events_lines, r.console_lines, r.last_step, r.posts, p.id, p.entity, p.name, p.created_at, r.preempting, r.longest_silence \
    FROM runs r JOIN projects p ON p.id = r.project_id";

fn run_from(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let tags: String = row.get(7)?;
    Ok(RunRow {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        group: row.get(3)?,
        job_type: row.get(4)?,
        notes: row.get(5)?,
        description: row.get(6)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        host: row.get(8)?,
        program: row.get(9)?,
        repo: row.get(10)?,
        commit: row.get(11)?,
        sweep: row.get(12)?,
        stored_state: row.get(13)?,
        exitcode: row.get(14)?,
        stopped: row.get(15)?,
        created_at: row.get(16)?,
        heartbeat_at: row.get(17)?,
        history_lines: row.get(18)?,
        events_lines: row.get(19)?,
        console_lines: row.get(20)?,
        last_step: row.get(21)?,
        posts: row.get(22)?,
        project: ProjectRow {
            id: row.get(23)?,
            entity: row.get(24)?,
            name: row.get(25)?,
            created_at: row.get(26)?,
        },
        preempting: row.get(27)?,
        longest_silence: row.get(28)?,
    })
}

fn project_from(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: row.get(0)?,
        entity: row.get(1)?,
        name: row.get(2)?,
        created_at: row.get(3)?,
    })
}

/// The project of that name, if it exists.
pub(crate) fn project(
    connection: &Connection,
    entity: &str,
    name: &str,
) -> StoreResult<Option<ProjectRow>> {
    Ok(connection
        .prepare_cached(
            "SELECT id, entity, name, created_at FROM projects WHERE entity = ?1 AND name = ?2",
        )?
        .query_row([entity, name], project_from)
        .optional()?)
}

/// The project of that name, made where it is missing.
pub(crate) fn project_or_new(
    connection: &Connection,
    entity: &str,
    name: &str,
    now: f64,
) -> StoreResult<ProjectRow> {
    connection
        .prepare_cached(
            "INSERT INTO projects (entity, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![entity, name, now])?;
    project_or_missing(connection, entity, name)
}

/// The project of that name; an error where there is none.
pub(crate) fn project_or_missing(
    connection: &Connection,
    entity: &str,
    name: &str,
) -> StoreResult<ProjectRow> {
    project(connection, entity, name)?.ok_or_else(|| not_found("project", entity, name))
}

/// The projects of one entity, or all of them, newest first.
pub(crate) fn projects(
    connection: &Connection,
    entity: Option<&str>,
) -> StoreResult<Vec<ProjectRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, entity, name, created_at FROM projects WHERE ?1 IS NULL OR entity = ?1 ORDER BY id DESC",
    )?;
    let rows = statement.query_map([entity], project_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A run by its place.
pub(crate) fn find(
    connection: &Connection,
    entity: &str,
    project: &str,
    name: &str,
) -> StoreResult<Option<RunRow>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {RUN_COLUMNS} WHERE p.entity = ?1 AND p.name = ?2 AND r.name = ?3"
        ))?
        .query_row([entity, project, name], run_from)
        .optional()?)
}

/// A run by its place; an error where there is none.
pub(crate) fn require(
    connection: &Connection,
    entity: &str,
    project: &str,
    name: &str,
) -> StoreResult<RunRow> {
    find(connection, entity, project, name)?
        .ok_or_else(|| StoreError::NotFound(format!("run {entity}/{project}/{name}")))
}

/// A run by its row number.
pub(crate) fn by_id(connection: &Connection, id: i64) -> StoreResult<RunRow> {
    connection
        .prepare_cached(&format!("SELECT {RUN_COLUMNS} WHERE r.id = ?1"))?
        .query_row([id], run_from)
        .optional()?
        .ok_or_else(|| StoreError::NotFound(String::from("run")))
}

/// The runs of one project, or all runs, oldest first.
pub(crate) fn list(connection: &Connection, project_id: Option<i64>) -> StoreResult<Vec<RunRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {RUN_COLUMNS} WHERE ?1 IS NULL OR r.project_id = ?1 ORDER BY r.id"
    ))?;
    let rows = statement.query_map([project_id], run_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes an ended or silent run a running one, heard of at `now`.
pub(crate) fn reopen(connection: &Connection, run_id: i64, now: f64) -> StoreResult<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET state = 'running', exitcode = NULL, stopped = 0, preempting = 0, heartbeat_at = ?2 WHERE id = ?1",
        )?
        .execute(params![run_id, now])?;
    Ok(())
}

/// Asks a run to stop: its next `file_stream` answers say so.
pub(crate) fn stop(connection: &Connection, run_id: i64) -> StoreResult<()> {
    by_id(connection, run_id)?;
    connection.execute("UPDATE runs SET stopped = 1 WHERE id = ?1", [run_id])?;
    Ok(())
}

/// Config and summary texts of a run.
pub(crate) fn texts(connection: &Connection, run_id: i64) -> StoreResult<(String, String)> {
    Ok(connection
        .prepare_cached("SELECT config, summary FROM runs WHERE id = ?1")?
        .query_row([run_id], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Removes a run with its rows; returns the blobs that may now be unused.
pub(crate) fn delete(
    connection: &Connection,
    run_id: i64,
    with_artifacts: bool,
) -> StoreResult<Vec<String>> {
    let mut blobs: Vec<String> = connection
        .prepare_cached("SELECT blob FROM files WHERE run_id = ?1 AND blob IS NOT NULL")?
        .query_map([run_id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if with_artifacts {
        let ids: Vec<i64> = connection
            .prepare_cached("SELECT id FROM artifacts WHERE run_id = ?1")?
            .query_map([run_id], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in ids {
            blobs.extend(super::removal::artifact(connection, id, true)?);
        }
    }
    for table in [
        "history",
        "events",
        "console",
        "keys",
        "posts",
        "violations",
        "shared_lines",
        "files",
        "uses",
        "alerts",
    ] {
        connection.execute(&format!("DELETE FROM {table} WHERE run_id = ?1"), [run_id])?;
    }
    connection.execute(
        "UPDATE artifacts SET run_id = NULL WHERE run_id = ?1",
        [run_id],
    )?;
    connection.execute("DELETE FROM runs WHERE id = ?1", [run_id])?;
    Ok(blobs)
}

fn not_found(what: &str, entity: &str, name: &str) -> StoreError {
    StoreError::NotFound(format!("{what} {entity}/{name}"))
}
