//! `POST /files/{entity}/{project}/{run}/file_stream`.

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{MOST_JSON_BYTES, Web, answer};
use crate::app::App;
use crate::error::{StoreError, StoreResult};
use crate::store::stream::{self, Applied, Arrival, Post};
use crate::store::{runs, violations};

pub(super) async fn post(
    State(web): State<Web>,
    Path((entity, project, run)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let app = &web.app;
    let place = Place {
        entity,
        project,
        run,
    };
    let of_project = format!("{}/{}", place.entity, place.project);
    if let Some(wait) = app.pace.wait(&of_project, &place.run, app.now()) {
        return match count(app, place, "too_many_posts").await {
            Ok(()) => too_many(wait),
            Err(failure) => answer::from_store(&failure),
        };
    }
    let writer = writer(&headers);
    let guard = app
        .posting
        .begin(format!("{of_project}/{}/{writer:?}", place.run));
    if guard.second
        && let Err(failure) = count(app, place.clone(), "concurrent_posts").await
    {
        return answer::from_store(&failure);
    }
    let Ok(bytes) = to_bytes(body, MOST_JSON_BYTES).await else {
        return answer::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("body cut off or larger than {MOST_JSON_BYTES} bytes"),
        );
    };
    match take(app, place, writer, bytes).await {
        Ok(Applied::Taken { stopped, exitcode }) => {
            let mut body = json!({"exitcode": exitcode, "limits": {}});
            if stopped {
                body["stopped"] = json!(true);
            }
            Json(body).into_response()
        }
        Ok(Applied::Gap(why)) => answer::error(StatusCode::BAD_REQUEST, why),
        Ok(Applied::Ended(why)) => answer::error(StatusCode::CONFLICT, why),
        Err(failure) => answer::from_store(&failure),
    }
}

/// Which run a post is for.
#[derive(Clone)]
struct Place {
    entity: String,
    project: String,
    run: String,
}

/// The id of one of several writers that share a run.
fn writer(headers: &HeaderMap) -> Option<String> {
    let shared = headers.contains_key("x-wandb-use-async-filestream");
    let id = headers.get("x-wandb-async-client-id")?.to_str().ok()?;
    (shared && !id.is_empty()).then(|| id.to_owned())
}

async fn take(
    app: &App,
    place: Place,
    writer: Option<String>,
    bytes: Bytes,
) -> StoreResult<Applied> {
    let (now, heartbeat_s) = (app.now(), app.rules.heartbeat_s);
    app.store
        .write(move |db| {
            let post: Post = if bytes.is_empty() {
                Post::default()
            } else {
                serde_json::from_slice(&bytes)
                    .map_err(|error| StoreError::Refused(format!("file_stream body: {error}")))?
            };
            let arrival = Arrival {
                place: (&place.entity, &place.project, &place.run),
                writer: writer.as_deref(),
                now,
                heartbeat_s,
            };
            stream::apply(db, &arrival, &post)
        })
        .await
}

async fn count(app: &App, place: Place, kind: &'static str) -> StoreResult<()> {
    app.store
        .write(move |db| {
            let run = runs::require(db, &place.entity, &place.project, &place.run)?;
            violations::count(db, run.id, kind)
        })
        .await
}

fn too_many(wait: f64) -> Response {
    let mut response = answer::error(
        StatusCode::TOO_MANY_REQUESTS,
        "too many file_stream posts for this run or project",
    );
    if let Ok(value) = HeaderValue::from_str(&format!("{wait:.3}")) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}
