//! Large files go up in parts.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use wandbd_upload::SendError;

use super::files::Files;
use super::manifest::Entry;
use super::notes::Upload;
use super::{hex, md5_of};
use crate::answer::nonsense;
use crate::put::{Source, missing, put};
use crate::transports::Limits;

const PARTS_MAX: u64 = 10_000;

/// Parts that grow beyond their usual size do so in steps of this.
const PART_STEP: u64 = 4096;

/// Parts at the same time, hashed or sent.
const AT_ONCE: usize = 4;

const COMPLETE: &str = "\
mutation CompleteMultipartUploadArtifact($action: CompleteMultipartAction!, $parts: [UploadPartsInput!]!, $artifact: ID!, \
$path: String!, $upload: String!) { \
completeMultipartUploadArtifact(input: {completeMultipartAction: $action, completedParts: $parts, artifactID: $artifact, \
storagePath: $path, uploadID: $upload}) { digest } }";

/// Where the parts go.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Multipart {
    #[serde(rename = "uploadID")]
    upload_id: String,
    upload_url_parts: Vec<PartAddress>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartAddress {
    part_number: u64,
    upload_url: String,
}

/// A file goes up in parts from this size on.
pub(super) fn is_large(bytes: u64, limits: &Limits) -> bool {
    bytes >= limits.multipart_from
}

pub(super) fn part_bytes(file_bytes: u64, usual: u64) -> u64 {
    if file_bytes.div_ceil(usual) <= PARTS_MAX {
        return usual;
    }
    file_bytes.div_ceil(PARTS_MAX).next_multiple_of(PART_STEP)
}

/// Hexadecimal MD5 of each part of a file that has this size, several at a time.
pub(super) async fn md5s(
    path: &Path,
    file_bytes: u64,
    part_bytes: u64,
) -> Result<Vec<String>, SendError> {
    let starts = (0..file_bytes).step_by(usize::try_from(part_bytes).unwrap_or(usize::MAX));
    let work = starts.map(|from| {
        let path = path.to_owned();
        let size = part_bytes.min(file_bytes - from);
        spawn_blocking(move || md5_of_part(&path, file_bytes, from, size))
    });
    let mut work = stream::iter(work).buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some(done) = work.next().await {
        let md5 = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        found.push(hex(&md5.map_err(|error| missing(path, error))?));
    }
    Ok(found)
}

fn md5_of_part(path: &PathBuf, file_bytes: u64, from: u64, size: u64) -> io::Result<[u8; 16]> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != file_bytes {
        return Err(io::Error::other("changed since it was logged"));
    }
    file.seek(SeekFrom::Start(from))?;
    let (read, md5) = md5_of(&mut file.take(size))?;
    if read != size {
        return Err(io::Error::other("shortened while it was read"));
    }
    Ok(md5)
}

impl Upload {
    /// What is announced to the server.
    pub(super) fn announced(md5s: &[String]) -> Value {
        let parts = (1..).zip(md5s);
        parts
            .map(|(number, md5): (u64, _)| json!({"partNumber": number, "hexMD5": md5}))
            .collect()
    }
}

impl Files<'_> {
    /// Sends the parts that are not up yet, and puts all together.
    pub(super) async fn send_parts(&self, entry: &Entry, upload: &Upload) -> Result<(), SendError> {
        if upload.complete {
            return Ok(());
        }
        let kind = upload.headers.iter().find(|header| {
            let name = header.split(':').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("content-type")
        });
        let left = upload.target.upload_url_parts.iter();
        let left = left.filter(|address| !upload.done.contains_key(&address.part_number));
        // After a failure no part begins, and those under way come to their end: what is up is up.
        let failed = AtomicBool::new(false);
        let mut sending = Vec::new();
        for address in left {
            sending.push(async {
                if failed.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let sent = self.send_part(entry, upload, address, kind).await;
                failed.fetch_or(sent.is_err(), Ordering::Relaxed);
                sent.map(Some)
            });
        }
        let mut sending = stream::iter(sending).buffer_unordered(AT_ONCE);
        let mut done = upload.done.clone();
        let mut cause = None;
        while let Some(part) = sending.next().await {
            match part {
                Ok(Some((number, tag))) => {
                    self.notes.part(&entry.path, number, &tag).await;
                    done.insert(number, tag);
                }
                Ok(None) => {}
                Err(error) => {
                    cause.get_or_insert(error);
                }
            }
        }
        if let Some(error) = cause {
            return Err(error);
        }
        let parts = done.iter();
        let parts: Value = parts
            .map(|(number, tag)| json!({"partNumber": number, "hexMD5": tag}))
            .collect();
        let variables = json!({
            "action": "Complete",
            "parts": parts,
            "artifact": self.artifact_id,
            "path": upload.storage_path,
            "upload": upload.target.upload_id,
        });
        let name = "CompleteMultipartUploadArtifact";
        self.api.graphql::<Value>(name, COMPLETE, variables).await?;
        self.notes.complete(&entry.path).await;
        Ok(())
    }

    async fn send_part(
        &self,
        entry: &Entry,
        upload: &Upload,
        address: &PartAddress,
        kind: Option<&String>,
    ) -> Result<(u64, String), SendError> {
        let unknown = || nonsense("CreateArtifactFiles", "an unknown part");
        let number = address.part_number;
        let index = number.checked_sub(1).ok_or_else(unknown)?;
        let md5 = usize::try_from(index).ok();
        let md5 = md5.and_then(|index| upload.md5s.get(index));
        let digest = md5.and_then(|md5| unhex(md5)).ok_or_else(unknown)?;
        let from = index * upload.part_bytes;
        let source = Source::Part {
            path: entry.source.clone().unwrap_or_default(),
            from,
            size: upload.part_bytes.min(entry.size - from),
            whole: entry.size,
        };
        let mut headers = vec![format!("Content-MD5:{}", STANDARD.encode(digest))];
        headers.extend(kind.cloned());
        let _permit = self.api.puts.acquire().await;
        let tag = put(self.api, &address.upload_url, &headers, &source).await?;
        let tag = tag.ok_or_else(|| nonsense("the upload of a part", "no ETag"))?;
        Ok((number, tag))
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_only_when_there_would_be_too_many() {
        const MIB: u64 = 1 << 20;
        for (file, expect) in [
            (2 << 30, 100 * MIB),
            (10_000 * 100 * MIB, 100 * MIB),
            (10_000 * 100 * MIB + 1, 100 * MIB + 4096),
        ] {
            let size = part_bytes(file, 100 * MIB);
            assert_eq!(size, expect);
            assert!(file.div_ceil(size) <= PARTS_MAX);
        }
    }

    #[tokio::test]
    async fn each_part_has_its_own_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "hellohellohe").unwrap();

        let found = md5s(&path, 12, 5).await.unwrap();
        let changed = md5s(&path, 13, 5).await.unwrap_err();

        let hello = "5d41402abc4b2a76b9719d911017c592";
        let announced = Upload::announced(&found);
        assert_eq!(announced[0], json!({"partNumber": 1, "hexMD5": hello}));
        assert_eq!(announced[1], json!({"partNumber": 2, "hexMD5": hello}));
        assert_eq!(announced.as_array().map(Vec::len), Some(3));
        assert!(matches!(changed, SendError::Missing { .. }), "{changed}");
        assert_eq!(unhex("00ff10"), Some(vec![0, 255, 16]));
    }
}
