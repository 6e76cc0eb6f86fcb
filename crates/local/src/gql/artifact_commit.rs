//! Ending uploads in parts, and commits with what they sync beforehand.

use async_graphql::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::artifact_input::{CompleteMultipartAction, CompleteMultipartUploadArtifactInput};
use crate::app::App;
use crate::blobs::{Blobs, Incoming};
use crate::error::{StoreError, StoreResult};
use crate::store::multipart::{self, MultipartRow};
use crate::store::{artifact_files, artifacts, commit};

/// Commits an artifact; what is not synced yet is synced before the database is held.
pub(super) async fn commit_settled(app: &App, number: i64) -> StoreResult<artifacts::ArtifactRow> {
    let blobs = app.blobs.clone();
    let (settled, damaged) = app
        .store
        .read(move |db| {
            let loose = artifact_files::loose(db, number)?;
            let damaged = blobs.settle(&loose)?;
            Ok((loose, damaged))
        })
        .await?;
    let blobs = app.blobs.clone();
    let now = app.now();
    app.store
        .write(move |db| {
            for blob in &damaged {
                commit::lose(db, &blobs, blob)?;
            }
            if damaged.is_empty() {
                return commit::commit(db, &blobs, number, now, &settled).map(Ok);
            }
            Ok(Err(StoreError::Refused(String::from(
                "stored files of the artifact are damaged: announce and upload them again",
            ))))
        })
        .await?
}

/// Puts the parts of a file together, or throws them away; returns the digest of the whole.
pub(super) async fn finish_parts(
    app: &App,
    input: CompleteMultipartUploadArtifactInput,
) -> Result<Option<String>> {
    let said: Vec<(i64, String)> = input
        .completed_parts
        .into_iter()
        .map(|part| (part.part_number.0, part.hex_md5))
        .collect();
    let whole = input.complete_multipart_action == CompleteMultipartAction::Complete;
    let (blobs, least) = (app.blobs.clone(), app.rules.least_part_bytes);
    let (upload, joined) = app
        .store
        .read(move |db| {
            let upload = multipart::by_name(db, &input.upload_id)?;
            if !whole {
                return Ok((upload, None));
            }
            multipart::check(db, &upload, &said, least)?;
            let joined = blobs.join(&upload.upload_id, upload.parts)?;
            Ok((upload, Some(joined)))
        })
        .await?;
    let blobs = app.blobs.clone();
    let digest = app
        .store
        .write(move |db| {
            let digest = joined
                .map(|joined| link_whole(db, &blobs, &upload, &joined))
                .transpose()?;
            for name in multipart::forget(db, upload.file_id)? {
                blobs.drop_parts(&name)?;
            }
            Ok(digest)
        })
        .await?;
    Ok(digest)
}

fn link_whole(
    db: &rusqlite::Connection,
    blobs: &Blobs,
    upload: &MultipartRow,
    joined: &Incoming,
) -> StoreResult<String> {
    let file = artifact_files::file_by_id(db, upload.file_id)?;
    let digest = STANDARD.encode(joined.md5);
    if file.digest != digest {
        return Err(StoreError::Refused(format!(
            "{}: announced with digest {}, the parts together have {digest}",
            file.name, file.digest
        )));
    }
    let blob = blobs.keep(joined)?;
    artifact_files::stored(db, file.id, &blob, joined.size)?;
    Ok(digest)
}
