//! Artifacts in the inspection API: collections of a project, versions of a collection, one version with files and lineage.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Web;
use super::inspect::respond;
use crate::app::App;
use crate::error::{StoreError, StoreResult};
use crate::extjson;
use crate::store::artifact_files::ArtifactFileRow;
use crate::store::artifacts::ArtifactRow;
use crate::store::collections::{CollectionRow, Kind};
use crate::store::members::Member;
use crate::store::{aliases, artifact_files, artifacts, collections, members, runs};

/// Files of a version on a page when the caller does not say.
const DEFAULT_FILES: i64 = 200;

/// Most files on a page.
const MOST_FILES: i64 = 10_000;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    from: i64,
    limit: Option<i64>,
}

/// `GET /api/artifacts/{entity}/{project}`.
pub(super) async fn list(
    State(web): State<Web>,
    Path((entity, project)): Path<(String, String)>,
) -> Response {
    let answer = web.app.store.read(move |db| {
        let project = runs::project_or_missing(db, &entity, &project)?;
        let rows = collections::list(db, project.id, None)?;
        rows.iter().map(|row| brief(db, row)).collect()
    });
    respond(answer.await.map(Value::Array))
}

/// `GET /api/artifacts/{entity}/{project}/{collection}`.
pub(super) async fn collection(
    State(web): State<Web>,
    Path((entity, project, name)): Path<(String, String, String)>,
) -> Response {
    let answer = web.app.store.read(move |db| {
        let row = required(db, &entity, &project, &name)?;
        let mut answer = brief(db, &row)?;
        let versions = members::list(db, &row)?;
        let versions: StoreResult<Vec<Value>> =
            versions.iter().map(|member| version(db, member)).collect();
        answer["versions"] = Value::Array(versions?);
        Ok(answer)
    });
    respond(answer.await)
}

/// `GET /api/artifacts/{entity}/{project}/{collection}/{version}?from=&limit=`.
pub(super) async fn one(
    State(web): State<Web>,
    Path((entity, project, name, wanted)): Path<(String, String, String, String)>,
    Query(page): Query<Page>,
) -> Response {
    let app = std::sync::Arc::clone(&web.app);
    let answer = web.app.store.read(move |db| {
        let row = required(db, &entity, &project, &name)?;
        let member = aliases::resolve(db, &row, &wanted)?
            .ok_or_else(|| StoreError::NotFound(format!("artifact {name}:{wanted}")))?;
        full(db, &app, &member, &page)
    });
    respond(answer.await)
}

/// `GET /api/client-artifacts/{id}`: the place of what a client named by an id of its own; `<id>:latest` for a sequence.
pub(super) async fn by_client_id(State(web): State<Web>, Path(id): Path<String>) -> Response {
    let answer = web.app.store.read(move |db| {
        let missing = || StoreError::NotFound(String::from("artifact with that client id"));
        let (client, alias) = id.split_once(':').unwrap_or((&id, "latest"));
        let member = if let Some(artifact) = artifacts::by_client_id(db, client)? {
            let row = collections::by_id(db, artifact.collection_id)?;
            Member::source(artifact, row)
        } else {
            let number = artifacts::sequence_by_client_id(db, client)?.ok_or_else(missing)?;
            let row = collections::by_id(db, number)?;
            aliases::resolve(db, &row, alias)?.ok_or_else(missing)?
        };
        Ok(place(&member))
    });
    respond(answer.await)
}

fn required(
    db: &Connection,
    entity: &str,
    project: &str,
    name: &str,
) -> StoreResult<CollectionRow> {
    collections::by_path(db, entity, project, name)?
        .ok_or_else(|| StoreError::NotFound(format!("artifact collection {name}")))
}

fn brief(db: &Connection, row: &CollectionRow) -> StoreResult<Value> {
    let all = members::list(db, row)?;
    let latest = all.first().map(|member| version(db, member)).transpose()?;
    Ok(json!({
        "entity": row.entity, "project": row.project, "name": row.name, "type": row.artifact_type,
        "kind": if row.kind == Kind::Portfolio { "portfolio" } else { "sequence" },
        "description": row.description, "tags": row.tags, "createdAt": row.created_at,
        "count": all.len(), "latest": latest,
    }))
}

/// Where a version is found.
fn place(member: &Member) -> Value {
    let row = &member.collection;
    json!({
        "entity": row.entity, "project": row.project, "name": row.name, "type": row.artifact_type,
        "version": member.version.map(|version| format!("v{version}")),
    })
}

fn version(db: &Connection, member: &Member) -> StoreResult<Value> {
    let artifact = &member.artifact;
    let names = aliases::of_member(db, member.collection.id, artifact.id)?;
    let mut answer = place(member);
    answer["aliases"] = names.into_iter().map(|row| row.alias).collect();
    answer["tags"] = json!(artifact.tags);
    answer["digest"] = json!(artifact.digest);
    answer["state"] = json!(artifact.state);
    answer["size"] = json!(artifact.size);
    answer["fileCount"] = json!(artifact.file_count);
    answer["createdAt"] = json!(artifact.created_at);
    answer["description"] = json!(artifact.description);
    answer["historyStep"] = json!(artifact.history_step);
    answer["run"] = maker(db, artifact);
    Ok(answer)
}

fn maker(db: &Connection, artifact: &ArtifactRow) -> Value {
    artifact.run_id.map_or(Value::Null, |id| run(db, id))
}

fn run(db: &Connection, id: i64) -> Value {
    let Ok(run) = runs::by_id(db, id) else {
        return Value::Null;
    };
    json!({
        "entity": run.project.entity, "project": run.project.name, "name": run.name, "displayName": run.display_name,
        "jobType": run.job_type,
    })
}

fn full(db: &Connection, app: &App, member: &Member, page: &Page) -> StoreResult<Value> {
    let artifact = &member.artifact;
    let (now, limit) = (app.now(), page.limit.unwrap_or(DEFAULT_FILES));
    let rows = artifact_files::page(
        db,
        artifact.id,
        page.from.max(0),
        limit.clamp(0, MOST_FILES),
    )?;
    let mut answer = version(db, member)?;
    answer["updatedAt"] = json!(artifact.updated_at);
    answer["ttl"] = json!(artifact.ttl);
    answer["metadata"] = json!(artifact.metadata.as_deref().and_then(extjson::to_json));
    answer["files"] = rows.iter().map(|row| file(app, row, now)).collect();
    answer["manifest"] = json!(artifact.manifest_id.map(|id| {
        let subject = format!("manifest-{id}");
        app.signer.url("get", &subject, "wandb_manifest.json", now)
    }));
    let places = members::of_artifact(db, artifact)?;
    answer["links"] = places
        .iter()
        .filter(|other| other.collection.id != member.collection.id)
        .map(place)
        .collect();
    answer["lineage"] = lineage(db, artifact)?;
    Ok(answer)
}

fn file(app: &App, row: &ArtifactFileRow, now: f64) -> Value {
    let subject = format!("artifact-file-{}", row.id);
    let stored = || app.signer.url("get", &subject, &row.name, now);
    json!({
        "name": row.name, "size": row.size, "md5": row.digest, "ref": row.reference,
        "url": row.reference.clone().unwrap_or_else(stored),
    })
}

/// The run that made the version and what it used, the runs that used the version and what they made.
fn lineage(db: &Connection, artifact: &ArtifactRow) -> StoreResult<Value> {
    let inputs = match artifact.run_id {
        Some(run) => places(db, artifacts::used_by(db, run)?)?,
        None => Vec::new(),
    };
    let mut users = Vec::new();
    for id in artifacts::users(db, artifact.id)? {
        let outputs = places(db, artifacts::logged_by(db, id)?)?;
        let how = artifacts::used_as(db, id, artifact.id)?;
        users.push(json!({"run": run(db, id), "usedAs": how, "outputs": outputs}));
    }
    Ok(json!({"run": maker(db, artifact), "inputs": inputs, "usedBy": users}))
}

fn places(db: &Connection, rows: Vec<ArtifactRow>) -> StoreResult<Vec<Value>> {
    let all = rows.into_iter().map(|row| {
        let collection = collections::by_id(db, row.collection_id)?;
        Ok(place(&Member::source(row, collection)))
    });
    all.collect()
}
