//! Signed downloads, and downloads with the API key: files of runs by name, files of artifacts by id or digest.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::subject::{Signed, Subject, admit};
use super::{Web, answer};
use crate::app::App;
use crate::mime;
use crate::sign::COMPONENT;
use crate::store::{artifact_files, files, runs};

/// `GET /storage/get/..`: gives a file out.
pub(super) async fn fetch(
    State(web): State<Web>,
    Path((subject, _)): Path<(String, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Response {
    let subject = match admit(&web.app, "get", &subject, &signed, &headers).await {
        Ok(subject) => subject,
        Err(refusal) => return *refusal,
    };
    let found = web
        .app
        .store
        .read(move |db| match subject {
            Subject::RunFile(id) => {
                let file = files::by_id(db, id)?;
                Ok((file.blob, file.name))
            }
            Subject::RunName(_, name) => Ok((None, name)),
            Subject::Part(_, number) => Ok((None, format!("part {number}"))),
            Subject::ArtifactFile(id) => {
                let file = artifact_files::file_by_id(db, id)?;
                Ok((file.blob, file.name))
            }
            Subject::Manifest(id) => {
                let (blob, name, _) = artifact_files::manifest_blob(db, id)?;
                Ok((blob, name))
            }
        })
        .await;
    match found {
        Ok((Some(blob), name)) => give(&web.app, &blob, &name, &headers, Show::Download).await,
        Ok((None, name)) => answer::error(StatusCode::NOT_FOUND, format!("{name} not found")),
        Err(failure) => answer::from_store(&failure),
    }
}

/// `GET /files/..`: a run's file by name, with the API key.
pub(super) async fn run_file(
    State(web): State<Web>,
    Path((entity, project, run, name)): Path<(String, String, String, String)>,
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
            give(
                &web.app,
                &file.blob.unwrap_or_default(),
                &name,
                &headers,
                Show::Download,
            )
            .await
        }
        Err(failure) => answer::from_store(&failure),
    }
}

/// `GET /artifacts/files/..`: an artifact's file, with the API key.
pub(super) async fn artifact_file(
    State(web): State<Web>,
    Path((id, name)): Path<(i64, String)>,
    headers: HeaderMap,
) -> Response {
    let found = web
        .app
        .store
        .read(move |db| artifact_files::file_by_id(db, id))
        .await;
    match found {
        Ok(file) => {
            give(
                &web.app,
                &file.blob.unwrap_or_default(),
                &name,
                &headers,
                Show::Download,
            )
            .await
        }
        Err(failure) => answer::from_store(&failure),
    }
}

type Short = Path<(String, String, String, String, String, String, String)>;
type Long = Path<(
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
)>;

/// `GET /artifactsV2/..`: an artifact's file by its MD5, with the API key.
pub(super) async fn artifact_by_digest(
    State(web): State<Web>,
    Path((_, _, _, _, _, md5, name)): Short,
    headers: HeaderMap,
) -> Response {
    by_md5(&web.app, &md5, &name, &headers).await
}

/// The same with the artifact's id in the address.
pub(super) async fn artifact_by_id_and_digest(
    State(web): State<Web>,
    Path((_, _, _, _, _, _, md5, name)): Long,
    headers: HeaderMap,
) -> Response {
    by_md5(&web.app, &md5, &name, &headers).await
}

/// `GET /artifacts/{entity}/{md5}`: the oldest form.
pub(super) async fn artifact_by_entity_and_digest(
    State(web): State<Web>,
    Path((_, md5)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    by_md5(&web.app, &md5, &md5, &headers).await
}

async fn by_md5(app: &App, md5: &str, name: &str, headers: &HeaderMap) -> Response {
    let bytes: Option<Vec<u8>> = (0..md5.len() / 2)
        .map(|at| u8::from_str_radix(md5.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    let digest = STANDARD.encode(bytes.unwrap_or_default());
    let found = app
        .store
        .read(move |db| artifact_files::file_by_digest(db, &digest))
        .await;
    match found {
        Ok(file) => {
            give(
                app,
                &file.blob.unwrap_or_default(),
                name,
                headers,
                Show::Download,
            )
            .await
        }
        Err(failure) => answer::from_store(&failure),
    }
}

/// How a file is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// To be saved, or used as a picture, sound or data.
    Download,
    /// As a page of its own in a sandbox: it can neither see nor ask this server.
    Frame,
}

/// What a page in a sandbox may do: run what it holds itself, load nothing.
const SANDBOX: &str =
    "sandbox allow-scripts; default-src 'unsafe-inline' data: blob:; frame-ancestors 'self'";

/// Answers with a blob, or the part of it that is asked for.
pub(super) async fn give(
    app: &App,
    blob: &str,
    name: &str,
    headers: &HeaderMap,
    show: Show,
) -> Response {
    match open(app, blob, name, headers).await {
        Ok(mut response) => {
            if show == Show::Frame {
                let headers = response.headers_mut();
                headers.remove(CONTENT_DISPOSITION);
                headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                headers.insert(CONTENT_TYPE, html);
            }
            response
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            answer::error(StatusCode::NOT_FOUND, format!("{name} not found"))
        }
        Err(error) => answer::from_store(&error.into()),
    }
}

async fn open(app: &App, blob: &str, name: &str, headers: &HeaderMap) -> std::io::Result<Response> {
    let path = app.blobs.path(blob);
    let mut file = tokio::fs::File::open(path).await?;
    let size = file.metadata().await?.len();
    let range = headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok())
        .and_then(|range| parse_range(range, size));
    let (first, last) = range.unwrap_or((0, size.saturating_sub(1)));
    let length = if size == 0 { 0 } else { last - first + 1 };
    file.seek(std::io::SeekFrom::Start(first)).await?;
    let body = Body::from_stream(ReaderStream::new(file.take(length)));
    let base = name.rsplit('/').next().unwrap_or(name);
    let disposition = format!(
        "attachment; filename*=UTF-8''{}",
        utf8_percent_encode(base, COMPONENT)
    );
    let mut response = (
        [
            (CONTENT_TYPE, mime::of(name).to_owned()),
            (CONTENT_LENGTH, length.to_string()),
            (CONTENT_DISPOSITION, disposition),
            (ETAG, format!("\"{blob}\"")),
        ],
        body,
    )
        .into_response();
    let plain = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert("x-content-type-options", plain);
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")) {
            response.headers_mut().insert("content-range", value);
        }
    }
    Ok(response)
}

/// First and last byte of a simple `bytes=a-b` range inside `size` bytes.
fn parse_range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let last = if last.is_empty() {
        size.checked_sub(1)?
    } else {
        last.parse::<u64>().ok()?.min(size.checked_sub(1)?)
    };
    (first <= last).then_some((first, last))
}
