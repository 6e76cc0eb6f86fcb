//! Signed uploads and downloads, and artifact downloads by digest.

use axum::body::{Body, to_bytes};
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
use crate::blobs::Incoming;
use crate::error::{StoreError, StoreResult};
use crate::mime;
use crate::sign::{COMPONENT, hex};
use crate::store::{artifact_files, files, multipart, runs, violations};
use crate::uploads::Upload;

/// Files of artifacts up to this size are taken in memory first.
const SMALL_BYTES: u64 = 1 << 20;

/// `PUT /storage/put/..`: takes a file in.
pub(super) async fn store(
    State(web): State<Web>,
    Path((subject, name)): Path<(String, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let subject = match admit(&web.app, "put", &subject, &signed, &headers).await {
        Ok(subject) => subject,
        Err(refusal) => return *refusal,
    };
    let app = &web.app;
    let (began, kind) = (app.now(), subject.kind());
    let response = match take_in(app, subject, &headers, body).await {
        Ok(md5) => {
            let etag = HeaderValue::from_str(&format!("\"{}\"", hex(&md5)));
            let mut response = StatusCode::OK.into_response();
            if let Ok(etag) = etag {
                response.headers_mut().insert(ETAG, etag);
            }
            response
        }
        Err(failure) => answer::from_store(&failure),
    };
    app.uploads.note(Upload {
        subject: kind,
        name,
        size: length_of(&headers).unwrap_or(0),
        status: response.status().as_u16(),
        began,
        ended: app.now(),
    });
    response
}

fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn take_in(
    app: &App,
    subject: Subject,
    headers: &HeaderMap,
    body: Body,
) -> StoreResult<[u8; 16]> {
    let length = length_of(headers);
    if let (Some(length), Some(most)) = (length, app.rules.most_put_bytes)
        && length > most
    {
        return Err(StoreError::Refused(format!(
            "EntityTooLarge: {length} bytes, one upload may have {most}"
        )));
    }
    let said = headers.get("content-md5").cloned();
    if let Subject::ArtifactFile(id) = subject
        && length.is_some_and(|length| length <= SMALL_BYTES)
    {
        let body = to_bytes(body, usize::try_from(SMALL_BYTES).unwrap_or(usize::MAX)).await;
        let body =
            body.map_err(|error| StoreError::Refused(format!("body ended early: {error}")))?;
        let blobs = app.blobs.clone();
        return take_small(app, id, move || {
            check(blobs.take(&body, false)?, said.as_ref(), length)
        })
        .await;
    }
    let durable = !matches!(subject, Subject::ArtifactFile(_));
    let incoming = app.blobs.receive(body.into_data_stream(), durable).await?;
    let incoming = check(incoming, said.as_ref(), length)?;
    if let Subject::ArtifactFile(id) = subject {
        return take_small(app, id, move || Ok(incoming)).await;
    }
    let md5 = incoming.md5;
    let blobs = app.blobs.clone();
    let now = app.now();
    let replaced = app
        .store
        .write(move |db| {
            note_late(db, &subject)?;
            link(db, &blobs, &subject, &incoming, now)
        })
        .await?;
    app.release(replaced.into_iter().collect()).await?;
    Ok(md5)
}

/// The upload, if it is what the headers say.
fn check(
    incoming: Incoming,
    said: Option<&HeaderValue>,
    length: Option<u64>,
) -> StoreResult<Incoming> {
    let digest = STANDARD.encode(incoming.md5);
    if let Some(said) = said
        && said.as_bytes() != digest.as_bytes()
    {
        return Err(StoreError::Refused(format!(
            "Content-MD5 is {}, the body's is {digest}",
            said.to_str().unwrap_or("not text")
        )));
    }
    if length.is_some_and(|length| i64::try_from(length) != Ok(incoming.size)) {
        return Err(StoreError::Refused(String::from("body ended early")));
    }
    Ok(incoming)
}

/// Links a file of an artifact; it is synced when the artifact is committed.
async fn take_small(
    app: &App,
    id: i64,
    receive: impl FnOnce() -> StoreResult<Incoming> + Send + 'static,
) -> StoreResult<[u8; 16]> {
    let blobs = app.blobs.clone();
    app.store
        .write_soon(receive, move |db, incoming| {
            let file = artifact_files::file_by_id(db, id)?;
            expect_digest(&file.name, &file.digest, &STANDARD.encode(incoming.md5))?;
            let name = hex(&incoming.md5);
            let listed = artifact_files::is_loose(db, &name)?;
            let (blob, loose) = blobs.keep_loose(&incoming, listed)?;
            if loose && !listed {
                artifact_files::list_loose(db, &blob)?;
            }
            artifact_files::stored(db, id, &blob, incoming.size)?;
            Ok(incoming.md5)
        })
        .await
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
    now: f64,
) -> StoreResult<Option<String>> {
    let digest = &STANDARD.encode(incoming.md5);
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
            Err(StoreError::NotFound(file.name))
        }
        Subject::Part(id, number) => {
            let upload = multipart::by_id(db, *id)?;
            if multipart::keep(db, blobs, &upload, *number, incoming)? {
                let run = subject.run(db)?.unwrap_or(0);
                violations::count(db, run, "part_sent_again")?;
            }
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
