//! Signed uploads and downloads, and artifact downloads by digest.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RANGE};
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
use crate::blobs::Incoming;
use crate::error::{StoreError, StoreResult};
use crate::mime;
use crate::sign::{COMPONENT, hex};
use crate::store::{artifact_files, files, runs, violations};

/// `PUT /storage/put/..`: takes a file in.
pub(super) async fn store(
    State(web): State<Web>,
    Path((subject, _)): Path<(String, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let subject = match admit(&web.app, "put", &subject, &signed, &headers).await {
        Ok(subject) => subject,
        Err(refusal) => return *refusal,
    };
    match take_in(&web.app, subject, &headers, body).await {
        Ok(md5) => {
            let etag = HeaderValue::from_str(&format!("\"{}\"", hex(&md5)));
            let mut response = StatusCode::OK.into_response();
            if let Ok(etag) = etag {
                response.headers_mut().insert(ETAG, etag);
            }
            response
        }
        Err(failure) => answer::from_store(&failure),
    }
}

async fn take_in(
    app: &App,
    subject: Subject,
    headers: &HeaderMap,
    body: Body,
) -> StoreResult<[u8; 16]> {
    let incoming = app.blobs.receive(body.into_data_stream()).await?;
    let md5 = incoming.md5;
    let digest = STANDARD.encode(md5);
    if let Some(said) = headers.get("content-md5")
        && said.as_bytes() != digest.as_bytes()
    {
        return Err(StoreError::Refused(format!(
            "Content-MD5 is {}, the body's is {digest}",
            said.to_str().unwrap_or("not text")
        )));
    }
    if let Some(length) = headers.get(CONTENT_LENGTH)
        && length.as_bytes() != incoming.size.to_string().as_bytes()
    {
        return Err(StoreError::Refused(String::from("body ended early")));
    }
    let blobs = app.blobs.clone();
    let now = app.now();
    let replaced = app
        .store
        .write(move |db| {
            note_late(db, &subject)?;
            link(db, &blobs, &subject, &incoming, &digest, now)
        })
        .await?;
    app.release(replaced.into_iter().collect()).await?;
    Ok(md5)
}

/// Uploaders send files before `complete`; people may add files to a run later, so this is counted and no more.
fn note_late(db: &rusqlite::Connection, subject: &Subject) -> StoreResult<()> {
    if !matches!(subject, Subject::RunFile(_) | Subject::RunName(..)) {
        return Ok(());
    }
    let Some(run_id) = subject.run(db)? else {
        return Ok(());
    };
    if runs::by_id(db, run_id)?.has_ended() {
        violations::count(db, run_id, "upload_after_complete")?;
    }
    Ok(())
}

/// Links an upload to its row; returns the blob that was there before.
fn link(
    db: &rusqlite::Connection,
    blobs: &crate::blobs::Blobs,
    subject: &Subject,
    incoming: &Incoming,
    digest: &str,
    now: f64,
) -> StoreResult<Option<String>> {
    match subject {
        Subject::RunFile(id) => {
            files::by_id(db, *id)?;
            let blob = blobs.keep(incoming)?;
            files::stored(db, *id, &blob, incoming.size, digest, now)
        }
        Subject::RunName(run, name) => {
            let id = files::announce(db, *run, name, now)?;
            let blob = blobs.keep(incoming)?;
            files::stored(db, id, &blob, incoming.size, digest, now)
        }
        Subject::ArtifactFile(id) => {
            let file = artifact_files::file_by_id(db, *id)?;
            expect_digest(&file.name, &file.digest, digest)?;
            let blob = blobs.keep(incoming)?;
            db.execute(
                "UPDATE artifact_files SET blob = ?2, size = ?3 WHERE id = ?1",
                rusqlite::params![id, blob, incoming.size],
            )?;
            Ok(None)
        }
        Subject::Manifest(id) => {
            let (old, name, expected) = artifact_files::manifest_blob(db, *id)?;
            if !expected.is_empty() {
                expect_digest(&name, &expected, digest)?;
            }
            let blob = blobs.keep(incoming)?;
            db.execute(
                "UPDATE manifests SET blob = ?2 WHERE id = ?1",
                rusqlite::params![id, blob],
            )?;
            Ok(old.filter(|old| *old != blob))
        }
    }
}

fn expect_digest(name: &str, announced: &str, got: &str) -> StoreResult<()> {
    if announced == got {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{name}: announced with digest {announced}, the body's is {got}"
    )))
}

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
        Ok((Some(blob), name)) => give(&web.app, &blob, &name, &headers).await,
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
        Ok(file) => give(&web.app, &file.blob.unwrap_or_default(), &name, &headers).await,
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
        Ok(file) => give(&web.app, &file.blob.unwrap_or_default(), &name, &headers).await,
        Err(failure) => answer::from_store(&failure),
    }
}

/// `GET /artifactsV2/..`: an artifact's file by its MD5, with the API key.
pub(super) async fn artifact_by_digest(
    State(web): State<Web>,
    Path((_, _, _, _, _, md5, name)): Path<(
        String,
        String,
        String,
        String,
        String,
        String,
        String,
    )>,
    headers: HeaderMap,
) -> Response {
    let bytes: Option<Vec<u8>> = (0..md5.len() / 2)
        .map(|at| u8::from_str_radix(md5.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    let digest = STANDARD.encode(bytes.unwrap_or_default());
    let found = web
        .app
        .store
        .read(move |db| artifact_files::file_by_digest(db, &digest))
        .await;
    match found {
        Ok(file) => give(&web.app, &file.blob.unwrap_or_default(), &name, &headers).await,
        Err(failure) => answer::from_store(&failure),
    }
}

async fn give(app: &App, blob: &str, name: &str, headers: &HeaderMap) -> Response {
    match open(app, blob, name, headers).await {
        Ok(response) => response,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            answer::error(StatusCode::NOT_FOUND, format!("{name} not found"))
        }
        Err(error) => answer::from_store(&error.into()),
    }
}

async fn open(app: &App, blob: &str, name: &str, headers: &HeaderMap) -> std::io::Result<Response> {
    let mut file = tokio::fs::File::open(app.blobs.path(blob)).await?;
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
