//! Creating and changing runs: `upsertBucket`.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::fork;
use super::runs::{self, RunRow};
use crate::clock::Moment;
use crate::error::{StoreError, StoreResult};
use crate::extjson;

/// The project of runs that name none.
pub(crate) const DEFAULT_PROJECT: &str = "uncategorized";

/// What an upsert asks for; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub(crate) struct Upsert {
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) entity: String,
    pub(crate) project: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) job_type: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) config: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) program: Option<String>,
    pub(crate) repo: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) sweep: Option<String>,
    pub(crate) state: Option<String>,
    /// Said by one of several writers of the run.
    pub(crate) shared: bool,
}

/// Makes or changes a run. Returns it and whether it is new.
///
/// Naming a run by `name` that has ended or gone silent opens it again (that is what `init` and `wandb sync` do); naming it
/// only by its id (what the public API does) changes its values and nothing else. A new run whose config has a branch point
/// begins with the rows of the run that it names.
pub(crate) fn upsert(
    connection: &Connection,
    change: &Upsert,
    at: Moment,
) -> StoreResult<(RunRow, bool)> {
    let (run_id, inserted) = match (&change.name, change.id) {
        (Some(name), id) => by_name(connection, change, name, id, at.now)?,
        (None, Some(id)) => (runs::by_id(connection, id)?.id, false),
        (None, None) => by_name(connection, change, &new_run_id(), None, at.now)?,
    };
    apply(connection, run_id, change)?;
    let run = runs::by_id(connection, run_id)?;
    if inserted {
        fork::copy_source(connection, &run)?;
    } else if change.name.is_some()
        && change.state.is_none()
        && !matches!(run.state(at), "running" | "preempting")
    {
        runs::reopen(connection, run_id, at.now)?;
    }
    Ok((runs::by_id(connection, run_id)?, inserted))
}

fn by_name(
    connection: &Connection,
    change: &Upsert,
    name: &str,
    id: Option<i64>,
    now: f64,
) -> StoreResult<(i64, bool)> {
    check_name("run id", name, ":;,#?/'", 128)?;
    let project = change.project.as_deref().unwrap_or(DEFAULT_PROJECT);
    check_name("project", project, "/\\#?%:", 128)?;
    check_name("entity", &change.entity, "/\\#?%:", 128)?;
    let project = runs::project_or_new(connection, &change.entity, project, now)?;
    if let Some(run) = runs::find(connection, &project.entity, &project.name, name)? {
        return Ok((run.id, false));
    }
    if id.is_some() {
        return Err(StoreError::NotFound(format!("run {name}")));
    }
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM runs WHERE project_id = ?1",
        [project.id],
        |row| row.get(0),
    )?;
    connection.execute(
        "INSERT INTO runs (project_id, name, display_name, created_at, heartbeat_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![project.id, name, invented_name(count + 1), now],
    )?;
    Ok((connection.last_insert_rowid(), true))
}

fn apply(connection: &Connection, run_id: i64, change: &Upsert) -> StoreResult<()> {
    let tags = change
        .tags
        .as_ref()
        .map(|tags| serde_json::Value::from(tags.clone()).to_string());
    let config = match &change.config {
        Some(config) if change.shared => {
            let (before, _) = runs::texts(connection, run_id)?;
            Some(laid_over(&before, config))
        }
        other => other.clone(),
    };
    connection
        .prepare_cached(
            "UPDATE runs SET display_name = coalesce(nullif(?2, ''), display_name), group_name = coalesce(?3, group_name), \
             job_type = coalesce(?4, job_type), notes = coalesce(?5, notes), description = coalesce(?6, description), \
             tags = coalesce(?7, tags), config = coalesce(?8, config), summary = coalesce(?9, summary), \
             host = coalesce(?10, host), program = coalesce(?11, program), repo = coalesce(?12, repo), \
             commit_sha = coalesce(?13, commit_sha), sweep = coalesce(nullif(?14, ''), sweep), state = coalesce(?15, state) \
             WHERE id = ?1",
        )?
        .execute(params![
            run_id,
            change.display_name,
            change.group,
            change.job_type,
            change.notes,
            change.description,
            tags,
            config,
            change.summary,
            change.host,
            change.program,
            change.repo,
            change.commit,
            change.sweep,
            change.state,
        ])?;
    Ok(())
}

/// What one of several writers says of the config, laid over what is there: no writer knows all.
fn laid_over(before: &str, config: &str) -> String {
    let (Some(mut whole), Some(config)) = (extjson::to_json(before), extjson::to_json(config))
    else {
        return config.to_owned();
    };
    lay(&mut whole, config, 0);
    whole.to_string()
}

fn lay(below: &mut Value, above: Value, depth: usize) {
    match (below, above) {
        // Top-level key, `value`, and for `_wandb` its parts and the environment of each writer.
        (Value::Object(below), Value::Object(above)) if depth < 4 => {
            for (key, value) in above {
                lay(below.entry(key).or_insert(Value::Null), value, depth + 1);
            }
        }
        (below, above) => *below = above,
    }
}

fn check_name(what: &str, name: &str, forbidden: &str, most: usize) -> StoreResult<()> {
    if name.is_empty() || name.trim() != name || name.chars().count() > most {
        return Err(StoreError::Refused(format!(
            "invalid {what} {name:?}: 1 to {most} characters, no blanks at the ends"
        )));
    }
    match name
        .chars()
        .find(|c| forbidden.contains(*c) || c.is_control())
    {
        Some(bad) => Err(StoreError::Refused(format!(
            "invalid {what} {name:?}: {bad:?} is not allowed"
        ))),
        None => Ok(()),
    }
}

fn new_run_id() -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..8)
        .map(|_| char::from(ALPHABET[usize::from(rand::random::<u8>()) % ALPHABET.len()]))
        .collect()
}

/// A friendly name for a run that brought none: two words and its number in the project.
fn invented_name(number: i64) -> String {
    const FIRST: [&str; 24] = [
        "amber", "brisk", "calm", "clear", "coral", "crisp", "early", "fair", "gentle", "golden",
        "keen", "light", "lucid", "mellow", "misty", "noble", "polar", "quiet", "rapid", "silver",
        "steady", "sunny", "tidal", "vivid",
    ];
    const SECOND: [&str; 24] = [
        "aspen", "bay", "brook", "cedar", "cliff", "cloud", "comet", "delta", "dune", "fern",
        "fjord", "harbor", "heron", "lake", "maple", "meadow", "orbit", "pine", "reef", "river",
        "summit", "tern", "valley", "wave",
    ];
    let pick = || usize::from(rand::random::<u8>()) % FIRST.len();
    format!("{}-{}-{number}", FIRST[pick()], SECOND[pick()])
}
