//! Files by name for the page, with its cookie: of runs, and of artifacts with references to other artifacts followed.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde::Deserialize;

use super::storage::{Show, give};
use super::{Web, answer};
use crate::error::{StoreError, StoreResult};
use crate::store::artifact_files::{self, ArtifactFileRow};
use crate::store::{aliases, artifacts, files, runs};

/// References from artifact to artifact that are followed one after the other.
const MOST_HOPS: usize = 8;

#[derive(Deserialize)]
pub(super) struct How {
    /// `frame`: as a page in a sandbox.
    show: Option<String>,
}

impl How {
    pub(super) fn show(&self) -> Show {
        match self.show.as_deref() {
            Some("frame") => Show::Frame,
            _ => Show::Download,
        }
    }
}

/// `GET /api/runs/../raw/{name}`.
pub(super) async fn of_run(
    State(web): State<Web>,
    Path((entity, project, run, name)): Path<(String, String, String, String)>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Response {
    let wanted = name.clone();
    let found = web
        .app
        .store
        .read(move |db| {
            let run = runs::require(db, &entity, &project, &run)?;
            files::by_name(db, run.id, &wanted)
        })
        .await;
    match found {
        Ok(file) => {
            let blob = file.blob.unwrap_or_default();
            give(&web.app, &blob, &name, &headers, how.show()).await
        }
        Err(failure) => answer::from_store(&failure),
    }
}

/// `GET /api/artifacts/{entity}/{project}/{collection}/{version}/raw/{name}`.
pub(super) async fn of_artifact(
    State(web): State<Web>,
    Path((entity, project, collection, version, name)): Path<(
        String,
        String,
        String,
        String,
        String,
    )>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Response {
    let wanted = name.clone();
    let found = web
        .app
        .store
        .read(move |db| {
            let project = runs::project_or_missing(db, &entity, &project)?;
            let place = format!("{collection}:{version}");
            let member = aliases::resolve_name(db, project.id, &place)?
                .ok_or_else(|| StoreError::NotFound(format!("artifact {place}")))?;
            followed(db, member.artifact.id, &wanted)
        })
        .await;
    match found {
        Ok(ArtifactFileRow {
            blob: Some(blob), ..
        }) => give(&web.app, &blob, &name, &headers, how.show()).await,
        Ok(file) => answer::error(
            StatusCode::NOT_FOUND,
            format!(
                "{name} lies elsewhere: {}",
                file.reference.unwrap_or_default()
            ),
        ),
        Err(failure) => answer::from_store(&failure),
    }
}

/// The artifact's file of that name; where it refers to a file of another artifact here, that one.
fn followed(db: &Connection, artifact_id: i64, name: &str) -> StoreResult<ArtifactFileRow> {
    let (mut artifact, mut name) = (artifact_id, name.to_owned());
    for _ in 0..MOST_HOPS {
        let file = artifact_files::file_by_name(db, artifact, &name)?
            .ok_or_else(|| StoreError::NotFound(format!("artifact file {name}")))?;
        let target = file.reference.as_deref().and_then(|it| target(db, it));
        match target {
            Some(next) => (artifact, name) = next,
            None => return Ok(file),
        }
    }
    Err(StoreError::Refused(format!(
        "{name} refers on and on to other artifacts"
    )))
}

/// The artifact and file that a reference names: `wandb-artifact://<hex of the id>/<path>` or
/// `wandb-client-artifact://<client id>/<path>`.
fn target(db: &Connection, reference: &str) -> Option<(i64, String)> {
    if let Some(rest) = reference.strip_prefix("wandb-client-artifact://") {
        let (client, path) = rest.split_once('/')?;
        let artifact = artifacts::by_client_id(db, client).ok()??;
        return Some((artifact.id, path.to_owned()));
    }
    let (hex, path) = reference
        .strip_prefix("wandb-artifact://")?
        .split_once('/')?;
    let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    // The hex digits are those of the id's bytes; the id itself is base64 of `Artifact:<number>`.
    let plain = text
        .strip_prefix("Artifact:")
        .map(str::to_owned)
        .or_else(|| {
            let decoded = STANDARD.decode(&text).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            Some(decoded.strip_prefix("Artifact:")?.to_owned())
        })?;
    Some((plain.parse().ok()?, path.to_owned()))
}
