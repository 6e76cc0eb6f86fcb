//! Large files go up in parts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_upload::SendError;

use crate::answer::nonsense;
use crate::api::Api;
use crate::manifest::hex;
use crate::put::{Source, missing, put};
use crate::transports::Limits;

const PARTS_MAX: u64 = 10_000;

/// Parts that grow beyond their usual size do so in steps of this.
const PART_STEP: u64 = 4096;

/// Parts at the same time.
const AT_ONCE: usize = 4;

/// Read at once while hashing, in bytes.
const CHUNK: usize = 256 << 10;

const COMPLETE: &str = "\
mutation CompleteMultipartUploadArtifact($action: CompleteMultipartAction!, $parts: [UploadPartsInput!]!, $artifact: ID!, \
$path: String!, $upload: String!) { \
completeMultipartUploadArtifact(input: {completeMultipartAction: $action, completedParts: $parts, artifactID: $artifact, \
storagePath: $path, uploadID: $upload}) { digest } }";

/// A file in parts.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    path: PathBuf,
    file_bytes: u64,
    part_bytes: u64,
    /// Raw MD5 of each part.
    md5s: Vec<[u8; 16]>,
}

/// Where the parts go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Multipart {
    #[serde(rename = "uploadID")]
    upload_id: String,
    upload_url_parts: Vec<PartAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartAddress {
    part_number: u64,
    upload_url: String,
}

fn part_bytes(file_bytes: u64, usual: u64) -> u64 {
    if file_bytes.div_ceil(usual) <= PARTS_MAX {
        return usual;
    }
    file_bytes.div_ceil(PARTS_MAX).next_multiple_of(PART_STEP)
}

impl Parts {
    /// Splits a file, if it is large enough. Reads it.
    pub(crate) async fn of(
        path: &Path,
        file_bytes: u64,
        limits: &Limits,
    ) -> Result<Option<Self>, SendError> {
        if file_bytes < limits.multipart_from {
            return Ok(None);
        }
        let part_bytes = part_bytes(file_bytes, limits.part_bytes);
        let file = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || hash(&file, file_bytes, part_bytes)).await;
        let hashed = hashed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let md5s = hashed.map_err(|error| missing(path, error))?;
        Ok(Some(Parts {
            path: path.to_owned(),
            file_bytes,
            part_bytes,
            md5s,
        }))
    }

    /// What is announced to the server.
    pub(crate) fn announced(&self) -> Value {
        let parts = (1..).zip(&self.md5s);
        parts
            .map(|(number, md5): (u64, _)| json!({"partNumber": number, "hexMD5": hex(md5)}))
            .collect()
    }

    /// Uploads all parts and puts them together.
    pub(crate) async fn send(
        &self,
        api: &Api,
        artifact_id: &str,
        storage_path: &str,
        headers: &[String],
        target: &Multipart,
    ) -> Result<(), SendError> {
        let kind = headers.iter().find(|header| {
            let name = header.split(':').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("content-type")
        });
        let mut uploads = Vec::with_capacity(target.upload_url_parts.len());
        for address in &target.upload_url_parts {
            uploads.push(self.send_part(api, address, kind));
        }
        let mut uploads = stream::iter(uploads).buffer_unordered(AT_ONCE);
        let mut done = Vec::with_capacity(self.md5s.len());
        while let Some(part) = uploads.next().await {
            done.push(part?);
        }
        done.sort_unstable_by_key(|(number, _)| *number);
        let parts = done.iter();
        let parts: Value = parts
            .map(|(number, etag)| json!({"partNumber": number, "hexMD5": etag}))
            .collect();
        let variables = json!({
            "action": "Complete",
            "parts": parts,
            "artifact": artifact_id,
            "path": storage_path,
            "upload": target.upload_id,
        });
        let name = "CompleteMultipartUploadArtifact";
        api.graphql::<Value>(name, COMPLETE, variables)
            .await
            .map(drop)
    }

    async fn send_part(
        &self,
        api: &Api,
        address: &PartAddress,
        kind: Option<&String>,
    ) -> Result<(u64, String), SendError> {
        let number = address.part_number;
        let index = number
            .checked_sub(1)
            .and_then(|index| usize::try_from(index).ok());
        let md5 = index.and_then(|index| self.md5s.get(index));
        let md5 = md5.ok_or_else(|| nonsense("CreateArtifactFiles", "an unknown part"))?;
        let from = (number - 1) * self.part_bytes;
        let source = Source::Part {
            path: self.path.clone(),
            from,
            size: self.part_bytes.min(self.file_bytes - from),
        };
        let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5);
        let mut headers = vec![format!("Content-MD5:{digest}")];
        headers.extend(kind.cloned());
        let etag = put(api, &address.upload_url, &headers, &source).await?;
        let etag = etag.ok_or_else(|| nonsense("the upload of a part", "no ETag"))?;
        Ok((number, etag))
    }
}

/// The MD5 of each part. Blocks.
fn hash(path: &Path, file_bytes: u64, part_bytes: u64) -> std::io::Result<Vec<[u8; 16]>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != file_bytes {
        return Err(std::io::Error::other("changed since it was logged"));
    }
    let mut md5s = Vec::new();
    let mut buffer = vec![0; CHUNK];
    let mut left = file_bytes;
    while left > 0 {
        let mut part = (&mut file).take(part_bytes);
        let mut md5 = Md5::new();
        loop {
            let bytes = part.read(&mut buffer)?;
            if bytes == 0 {
                break;
            }
            md5.update(buffer.get(..bytes).unwrap_or_default());
            left = left.saturating_sub(bytes as u64);
        }
        if part.limit() == part_bytes {
            return Err(std::io::Error::other("shortened while it was read"));
        }
        md5s.push(md5.finalize().into());
    }
    Ok(md5s)
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
        let limits = Limits {
            multipart_from: 12,
            part_bytes: 5,
            ..Limits::default()
        };

        let small = Parts::of(&path, 11, &limits).await.unwrap();
        let parts = Parts::of(&path, 12, &limits).await.unwrap().unwrap();

        assert!(small.is_none());
        let hello = "5d41402abc4b2a76b9719d911017c592";
        let announced = parts.announced();
        assert_eq!(announced[0], json!({"partNumber": 1, "hexMD5": hello}));
        assert_eq!(announced[1], json!({"partNumber": 2, "hexMD5": hello}));
        assert_eq!(announced.as_array().map(Vec::len), Some(3));
        let changed = Parts::of(&path, 13, &limits).await.unwrap_err();
        assert!(matches!(changed, SendError::Missing { .. }), "{changed}");
    }
}
