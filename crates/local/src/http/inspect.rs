//! The inspection API under `/api`, for the page and for tests. Its contract is in the crate's documentation.

use std::sync::atomic::Ordering;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Web, answer, artifact_pages, auth, raw};
use crate::clock::Moment;
use crate::console;
use crate::error::StoreResult;
use crate::extjson;
use crate::sign::Signer;
use crate::store::lines::{self, LineFile};
use crate::store::runs::{self, RunRow, shown};
use crate::store::series::{self, SeriesQuery};
use crate::store::{alerts, aliases, artifact_files, artifacts, collections, files, violations};

/// Lines of a page of rows or console when the caller does not say.
const DEFAULT_LINES: i64 = 1000;

/// Most lines of a page.
const MOST_LINES: i64 = 100_000;

pub(super) fn routes(web: &Web) -> Router<Web> {
    let run = "/api/runs/{entity}/{project}/{run}";
    let guarded = Router::new()
        .route("/api/runs", get(all_runs))
        .route(run, get(one_run))
        .route(&format!("{run}/history"), get(history))
        .route(&format!("{run}/events"), get(events))
        .route(&format!("{run}/console"), get(console_lines))
        .route(&format!("{run}/series"), get(run_series))
        .route(&format!("{run}/media"), get(media))
        .route(&format!("{run}/raw/{{*name}}"), get(raw::of_run))
        .route(&format!("{run}/stop"), post(stop))
        .route(
            "/api/artifacts/{entity}/{project}",
            get(artifact_pages::list),
        )
        .route(
            "/api/artifacts/{entity}/{project}/{collection}",
            get(artifact_pages::collection),
        )
        .route(
            "/api/artifacts/{entity}/{project}/{collection}/{version}",
            get(artifact_pages::one),
        )
        .route(
            "/api/artifacts/{entity}/{project}/{collection}/{version}/raw/{*name}",
            get(raw::of_artifact),
        )
        .route(
            "/api/client-artifacts/{id}",
            get(artifact_pages::by_client_id),
        )
        .route("/api/uploads", get(uploads))
        .route("/api/violations", get(all_violations))
        .route("/api/server", get(server))
        .layer(middleware::from_fn_with_state(
            web.clone(),
            auth::require_key_or_cookie,
        ));
    Router::new()
        .route("/api/health", get(async || Json(json!({"ok": true}))))
        .merge(guarded)
}

type Place = Path<(String, String, String)>;

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    from: i64,
    limit: Option<i64>,
    keys: Option<String>,
}

impl Lines {
    fn limit(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_LINES).clamp(0, MOST_LINES)
    }
}

#[derive(Deserialize)]
struct Series {
    keys: String,
    x: Option<String>,
    file: Option<String>,
    #[serde(default)]
    from: i64,
    points: Option<usize>,
}

async fn all_runs(State(web): State<Web>) -> Response {
    let now = web.app.moment();
    let rows = web.app.store.read(|db| runs::list(db, None)).await;
    respond(rows.map(|rows| rows.iter().map(|run| brief(run, now)).collect()))
}

async fn one_run(State(web): State<Web>, Path(place): Place) -> Response {
    let signer = web.app.signer.clone();
    let now = web.app.moment();
    let answer = web
        .app
        .store
        .read(move |db| {
            let run = runs::require(db, &place.0, &place.1, &place.2)?;
            full(db, &run, &signer, now)
        })
        .await;
    respond(answer)
}

/// Asks the run to stop, as the page's button does.
async fn stop(State(web): State<Web>, Path(place): Place) -> Response {
    let answer = web
        .app
        .store
        .write(move |db| {
            let run = runs::require(db, &place.0, &place.1, &place.2)?;
            runs::stop(db, run.id)?;
            Ok(json!({"stopped": true}))
        })
        .await;
    respond(answer)
}

async fn all_violations(State(web): State<Web>) -> Response {
    respond(web.app.store.read(violations::all).await)
}

async fn uploads(State(web): State<Web>) -> Response {
    respond(Ok(json!(web.app.uploads.all())))
}

/// Rows that have one of the keys, with only those.
async fn media(State(web): State<Web>, Path(place): Place, Query(query): Query<Lines>) -> Response {
    let answer = web.app.store.read(move |db| {
        let run = runs::require(db, &place.0, &place.1, &place.2)?;
        let keys = names(query.keys.as_deref().unwrap_or_default());
        let (rows, next) = lines::with_keys(db, run.id, &keys, query.from, query.limit())?;
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(line, step, values)| json!({"line": line, "step": step, "values": values}))
            .collect();
        Ok(json!({"rows": rows, "next": next}))
    });
    respond(answer.await)
}

async fn server(State(web): State<Web>) -> Response {
    let app = &web.app;
    respond(Ok(json!({
        "tokenExchanges": app.exchanges.load(Ordering::Relaxed),
        "disabledFeatures": app.rules.disabled_features,
        "now": app.now(),
    })))
}

async fn history(State(web): State<Web>, place: Place, query: Query<Lines>) -> Response {
    raw_lines(web, place, query, LineFile::History).await
}

async fn events(State(web): State<Web>, place: Place, query: Query<Lines>) -> Response {
    raw_lines(web, place, query, LineFile::Events).await
}

/// `{"from", "next", "total", "lines": [raw text, ..]}`; with `keys`, lines hold only those keys.
async fn raw_lines(
    web: Web,
    Path(place): Place,
    Query(query): Query<Lines>,
    file: LineFile,
) -> Response {
    let answer = web
        .app
        .store
        .read(move |db| {
            let run = runs::require(db, &place.0, &place.1, &place.2)?;
            let rows = lines::page(db, run.id, file, query.from, query.limit())?;
            let next = rows.last().map_or(query.from, |(line, _)| line + 1);
            let total = match file {
                LineFile::History => run.history_lines,
                _ => run.events_lines,
            };
            let texts = rows.into_iter().map(|(_, text)| match &query.keys {
                Some(keys) => only(&text, keys),
                None => text,
            });
            let texts: Vec<String> = texts.collect();
            Ok(json!({"from": query.from, "next": next, "total": total, "lines": texts}))
        })
        .await;
    respond(answer)
}

fn only(text: &str, keys: &str) -> String {
    let kept: Vec<String> = names(keys)
        .into_iter()
        .filter_map(|key| {
            let raw = extjson::lookup(text, &key)?;
            Some(format!("{}:{raw}", Value::from(key)))
        })
        .collect();
    format!("{{{}}}", kept.join(","))
}

/// Names from `a,b`, or from a JSON list where names hold commas.
fn names(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| text.split(',').map(str::to_owned).collect())
}

async fn console_lines(
    State(web): State<Web>,
    Path(place): Place,
    Query(query): Query<Lines>,
) -> Response {
    let answer = web
        .app
        .store
        .read(move |db| {
            let run = runs::require(db, &place.0, &place.1, &place.2)?;
            let total = run.console_lines;
            let from = query.from.max(0);
            let page = console::page(db, run.id, from, query.limit(), total)?;
            let next = page.last().map_or(from, |line| line.number + 1);
            Ok(json!({"from": from, "next": next, "total": total, "lines": page}))
        })
        .await;
    respond(answer)
}

async fn run_series(
    State(web): State<Web>,
    Path(place): Place,
    Query(query): Query<Series>,
) -> Response {
    let file = match query.file.as_deref() {
        None | Some("history") => LineFile::History,
        Some("events") => LineFile::Events,
        Some(other) => {
            return answer::error(StatusCode::BAD_REQUEST, format!("no series of {other}"));
        }
    };
    let answer = web
        .app
        .store
        .read(move |db| {
            let run = runs::require(db, &place.0, &place.1, &place.2)?;
            let query = SeriesQuery {
                file,
                keys: names(&query.keys),
                x: query.x.unwrap_or_else(|| String::from("_step")),
                from: query.from.max(0),
                points: query.points.unwrap_or(500),
            };
            series::series(db, run.id, &query)
        })
        .await;
    respond(answer)
}

pub(super) fn respond(answer: StoreResult<Value>) -> Response {
    match answer {
        Ok(value) => ([("cache-control", "no-store")], Json(value)).into_response(),
        Err(failure) => answer::from_store(&failure),
    }
}

fn brief(run: &RunRow, now: Moment) -> Value {
    json!({
        "entity": run.project.entity, "project": run.project.name, "name": run.name,
        "displayName": run.display_name, "state": run.state(now), "exitcode": run.exitcode,
        "group": shown(run.group.as_deref()), "jobType": shown(run.job_type.as_deref()), "tags": run.tags, "notes": run.notes,
        "sweep": run.sweep, "stopped": run.stopped,
        "createdAt": run.created_at, "heartbeatAt": run.heartbeat_at,
        "historyLineCount": run.history_lines, "eventsLineCount": run.events_lines,
        "logLineCount": run.console_lines, "lastStep": run.last_step, "posts": run.posts,
    })
}

fn full(db: &Connection, run: &RunRow, signer: &Signer, moment: Moment) -> StoreResult<Value> {
    let (config, summary) = runs::texts(db, run.id)?;
    let mut answer = brief(run, moment);
    let now = moment.now;
    answer["host"] = json!(run.host);
    answer["program"] = json!(run.program);
    answer["repo"] = json!(run.repo);
    answer["commit"] = json!(run.commit);
    answer["longestSilence"] = json!(run.longest_silence);
    answer["config"] = extjson::to_json(&config).unwrap_or(Value::String(config));
    answer["summary"] = extjson::to_json(&summary).unwrap_or(Value::String(summary));
    answer["files"] = run_files(db, run.id, signer, now)?;
    answer["artifacts"] = run_artifacts(db, artifacts::logged_by(db, run.id)?, signer, now)?;
    answer["usedArtifacts"] = run_artifacts(db, artifacts::used_by(db, run.id)?, signer, now)?;
    answer["metrics"] = keys(db, run.id, LineFile::History)?;
    answer["systemMetrics"] = keys(db, run.id, LineFile::Events)?;
    answer["violations"] = violations::of(db, run.id)?;
    answer["postTimes"] = post_times(db, run.id)?;
    answer["alerts"] = alerts::of(db, run.id)?;
    Ok(answer)
}

fn keys(db: &Connection, run_id: i64, file: LineFile) -> StoreResult<Value> {
    let rows = lines::keys(db, run_id, file)?.into_iter();
    Ok(rows
        .map(|(key, kind, rows)| json!({"key": key, "kind": kind, "rows": rows}))
        .collect())
}

fn run_files(db: &Connection, run_id: i64, signer: &Signer, now: f64) -> StoreResult<Value> {
    let rows = files::list(db, run_id, None)?.into_iter();
    Ok(rows
        .map(|file| {
            let url = signer.url("get", &format!("run-file-{}", file.id), &file.name, now);
            json!({"name": file.name, "size": file.size, "md5": file.md5, "url": url, "updatedAt": file.updated_at})
        })
        .collect())
}

fn run_artifacts(
    db: &Connection,
    rows: Vec<artifacts::ArtifactRow>,
    signer: &Signer,
    now: f64,
) -> StoreResult<Value> {
    let mut list = Vec::new();
    for row in rows {
        let collection = collections::by_id(db, row.collection_id)?;
        let names: Vec<String> = aliases::of_member(db, row.collection_id, row.id)?
            .into_iter()
            .map(|row| row.alias)
            .collect();
        let files: Vec<Value> = artifact_files::files(db, row.id)?
            .into_iter()
            .map(|file| {
                let subject = format!("artifact-file-{}", file.id);
                let stored = || signer.url("get", &subject, &file.name, now);
                let url = file.reference.clone().unwrap_or_else(stored);
                json!({"name": file.name, "size": file.size, "md5": file.digest, "url": url})
            })
            .collect();
        list.push(json!({
            "entity": collection.entity, "project": collection.project,
            "name": collection.name, "type": collection.artifact_type, "version": row.version.map(|v| format!("v{v}")),
            "aliases": names, "digest": row.digest, "size": row.size, "state": row.state, "files": files,
            "createdAt": row.created_at, "description": row.description, "tags": row.tags,
            "metadata": row.metadata.as_deref().and_then(extjson::to_json),
        }));
    }
    Ok(Value::Array(list))
}

fn post_times(db: &Connection, run_id: i64) -> StoreResult<Value> {
    let mut statement =
        db.prepare_cached("SELECT at FROM posts WHERE run_id = ?1 ORDER BY number")?;
    let rows = statement.query_map([run_id], |row| row.get::<_, f64>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into())
}
