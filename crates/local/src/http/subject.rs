//! Signed addresses: what they are about, and whether a request may use one.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;

use super::answer;
use crate::app::App;
use crate::error::StoreResult;
use crate::store::violations;

#[derive(Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    expires: String,
    #[serde(default)]
    signature: String,
}

/// What a signed address is about.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    RunFile(i64),
    /// A file of a run by name, made where it is missing.
    RunName(i64, String),
    ArtifactFile(i64),
    Manifest(i64),
    /// A part of a file: row number of the upload, number of the part.
    Part(i64, i64),
}

impl Subject {
    /// Its kind, for the list of uploads.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::RunFile(_) | Self::RunName(..) => "run_file",
            Self::ArtifactFile(_) => "artifact_file",
            Self::Manifest(_) => "manifest",
            Self::Part(..) => "part",
        }
    }

    /// The run that it belongs to.
    pub(super) fn run(&self, db: &Connection) -> StoreResult<Option<i64>> {
        let (query, id) = match self {
            Self::RunName(run, _) => return Ok(Some(*run)),
            Self::RunFile(id) => ("SELECT run_id FROM files WHERE id = ?1", id),
            Self::ArtifactFile(id) => (
                "SELECT a.run_id FROM artifact_files f JOIN artifacts a ON a.id = f.artifact_id WHERE f.id = ?1",
                id,
            ),
            Self::Manifest(id) => (
                "SELECT a.run_id FROM manifests m JOIN artifacts a ON a.id = m.artifact_id WHERE m.id = ?1",
                id,
            ),
            Self::Part(id, _) => (
                "SELECT a.run_id FROM multiparts p JOIN artifact_files f ON f.id = p.file_id \
                 JOIN artifacts a ON a.id = f.artifact_id WHERE p.id = ?1",
                id,
            ),
        };
        let found: Option<Option<i64>> = db
            .prepare_cached(query)?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("run-file-") {
            return rest.parse().ok().map(Self::RunFile);
        }
        if let Some(rest) = text.strip_prefix("artifact-file-") {
            return rest.parse().ok().map(Self::ArtifactFile);
        }
        if let Some(rest) = text.strip_prefix("manifest-") {
            return rest.parse().ok().map(Self::Manifest);
        }
        if let Some(rest) = text.strip_prefix("part-") {
            let (upload, number) = rest.split_once('-')?;
            return Some(Self::Part(upload.parse().ok()?, number.parse().ok()?));
        }
        let (run, name) = text.strip_prefix("run-name-")?.split_once('-')?;
        let bytes: Option<Vec<u8>> = (0..name.len() / 2)
            .map(|at| u8::from_str_radix(name.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
        Some(Self::RunName(
            run.parse().ok()?,
            String::from_utf8(bytes?).ok()?,
        ))
    }
}

/// The subject of a request with a good signature and without other credentials; those are counted.
pub(super) async fn admit(
    app: &App,
    verb: &str,
    subject: &str,
    signed: &Signed,
    headers: &HeaderMap,
) -> Result<Subject, Box<Response>> {
    let parsed = Subject::parse(subject);
    if headers.contains_key(AUTHORIZATION) {
        let subject = parsed.clone();
        let counted = app.store.write(move |db| {
            let run = subject.map(|subject| subject.run(db)).transpose()?;
            let run_id = run.flatten().unwrap_or(0);
            violations::count(db, run_id, "signed_with_authorization")
        });
        if let Err(failure) = counted.await {
            return Err(Box::new(answer::from_store(&failure)));
        }
        return Err(Box::new(answer::error(
            StatusCode::BAD_REQUEST,
            "signed addresses must be used without an Authorization header",
        )));
    }
    let now = app.now();
    if !app
        .signer
        .accepts(verb, subject, &signed.expires, &signed.signature, now)
    {
        return Err(Box::new(answer::error(
            StatusCode::FORBIDDEN,
            "signature wrong or expired",
        )));
    }
    parsed.ok_or_else(|| Box::new(answer::error(StatusCode::NOT_FOUND, "no such file")))
}
