//! Signed uploads: files of runs, files and manifests of artifacts, parts of large files.

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::subject::{Signed, Subject, admit};
use super::{Web, answer};
use crate::app::App;
use crate::blobs::Incoming;
use crate::error::{StoreError, StoreResult};
use crate::sign::hex;
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
