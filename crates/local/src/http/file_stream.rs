//! `POST /files/{entity}/{project}/{run}/file_stream`.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{MOST_JSON_BYTES, Web, answer};
use crate::app::App;
use crate::clock;
use crate::error::StoreResult;
use crate::store::runs;
use crate::store::stream::{self, Applied, Post};

pub(super) async fn post(
    State(web): State<Web>,
    Path((entity, project, run)): Path<(String, String, String)>,
    body: Body,
) -> Response {
    let app = &web.app;
    let place = format!("{entity}/{project}/{run}");
    if let Some(wait) = app
        .pace
        .as_ref()
        .and_then(|pace| pace.wait(&place, clock::now()))
    {
        return too_many(wait);
    }
    let guard = app.posting.begin(place);
    if guard.second
        && let Err(failure) = count_concurrent(app, &entity, &project, &run).await
    {
        return answer::from_store(&failure);
    }
    let Ok(bytes) = to_bytes(body, MOST_JSON_BYTES).await else {
        return answer::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("body cut off or larger than {MOST_JSON_BYTES} bytes"),
        );
    };
    let now = clock::now();
    let applied = app
        .store
        .write(move |db| {
            let post: Post = if bytes.is_empty() {
                Post::default()
            } else {
                serde_json::from_slice(&bytes).map_err(|error| {
                    crate::error::StoreError::Refused(format!("file_stream body: {error}"))
                })?
            };
            stream::apply(db, (&entity, &project, &run), &post, now)
        })
        .await;
    match applied {
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

async fn count_concurrent(app: &App, entity: &str, project: &str, run: &str) -> StoreResult<()> {
    let (entity, project, run) = (entity.to_owned(), project.to_owned(), run.to_owned());
    app.store
        .write(move |db| {
            let run = runs::require(db, &entity, &project, &run)?;
            stream::violation(db, run.id, "concurrent_posts")
        })
        .await
}

fn too_many(wait: f64) -> Response {
    let mut response = answer::error(
        StatusCode::TOO_MANY_REQUESTS,
        "too many file_stream posts for this run",
    );
    if let Ok(value) = HeaderValue::from_str(&format!("{wait:.3}")) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}
