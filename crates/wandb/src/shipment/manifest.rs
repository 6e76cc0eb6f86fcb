//! The manifest of an artifact: its entries, its digest, its JSON.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use wandbd_record::wandb::{ArtifactManifestEntry, ArtifactRecord};
use wandbd_upload::SendError;

use super::hex;
use crate::artifact::StoredEntry;
use crate::put::missing;

/// What an artifact holds under one path.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) path: String,
    /// Base64 of the MD5, or whatever the reference's server says.
    pub(super) digest: String,
    pub(super) size: u64,
    /// Where the content is, if it is not uploaded.
    pub(super) reference: Option<String>,
    /// The artifact that had this content first.
    pub(super) birth: Option<String>,
    pub(super) skip_cache: bool,
    pub(super) extra: Vec<(String, Value)>,
    /// The file to upload.
    pub(super) source: Option<PathBuf>,
}

/// A manifest.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Sorted by path.
    pub(super) entries: Vec<Entry>,
    /// Its digests are not MD5.
    pub(super) foreign: bool,
    /// It says something else than the record: the record's digest is not its digest.
    pub(super) changed: bool,
    version: i32,
    policy: String,
    policy_config: Map<String, Value>,
}

impl Manifest {
    /// Reads it from the journal's record, or from the file that the record names.
    pub(super) async fn read(record: &ArtifactRecord) -> Result<Self, SendError> {
        let mut manifest = Manifest::of(record)?;
        let file = record.manifest.as_ref();
        let file = file.map_or("", |manifest| &manifest.manifest_file_path);
        if manifest.entries.is_empty() && !file.is_empty() {
            let path = PathBuf::from(file);
            let read = tokio::task::spawn_blocking({
                let path = path.clone();
                move || lines(&path)
            });
            let read = read.await;
            let read = read.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            manifest.entries = read.map_err(|error| missing(&path, error))?;
        }
        manifest
            .entries
            .sort_by(|left, right| left.path.cmp(&right.path));
        Ok(manifest)
    }

    fn of(record: &ArtifactRecord) -> Result<Self, SendError> {
        let manifest = record.manifest.as_ref();
        let manifest = manifest.ok_or_else(|| SendError::Rejected {
            status: 0,
            reason: format!("artifact {}: the record has no manifest", record.name),
        })?;
        let entries: Vec<Entry> = manifest.contents.iter().map(entry).collect();
        let parsed = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let config = manifest.storage_policy_config.iter();
        let mut policy_config: Map<String, Value> = config
            .map(|item| (item.key.clone(), parsed(&item.value_json)))
            .collect();
        if policy_config.is_empty() {
            policy_config.insert("storageLayout".to_owned(), "V2".into());
        }
        Ok(Manifest {
            entries,
            foreign: record.digest_algorithm.contains("XXH128"),
            changed: false,
            version: manifest.version.max(1),
            policy: match manifest.storage_policy.as_str() {
                "" => "wandb-storage-policy-v1".to_owned(),
                policy => policy.to_owned(),
            },
            policy_config,
        })
    }

    /// What tells it from others: hexadecimal.
    pub(super) fn digest(&self) -> String {
        let mut md5 = Md5::new();
        md5.update(b"wandb-artifact-manifest-v1\n");
        for entry in &self.entries {
            md5.update(&entry.path);
            md5.update(b":");
            md5.update(&entry.digest);
            md5.update(b"\n");
        }
        hex(&md5.finalize())
    }

    /// The JSON that is uploaded.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let entries = self.entries.iter();
        let contents: Map<String, Value> = entries
            .map(|entry| (entry.path.clone(), entry.to_json()))
            .collect();
        let manifest = json!({
            "version": self.version,
            "storagePolicy": self.policy,
            "storagePolicyConfig": self.policy_config,
            "contents": contents,
        });
        manifest.to_string().into_bytes()
    }
}

fn entry(entry: &ArtifactManifestEntry) -> Entry {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let extra = entry.extra.iter().map(|item| {
        let value = serde_json::from_str(&item.value_json).unwrap_or(Value::Null);
        (item.key.clone(), value)
    });
    let reference = some(&entry.r#ref);
    Entry {
        path: entry.path.clone(),
        digest: entry.digest.clone(),
        size: u64::try_from(entry.size).unwrap_or(0),
        source: match reference {
            Some(_) => None,
            None => some(&entry.local_path).map(PathBuf::from),
        },
        reference,
        birth: some(&entry.birth_artifact_id),
        skip_cache: entry.skip_cache,
        extra: extra.collect(),
    }
}

impl Entry {
    fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("digest".to_owned(), self.digest.clone().into());
        if let Some(reference) = &self.reference {
            json.insert("ref".to_owned(), reference.clone().into());
        }
        json.insert("size".to_owned(), self.size.into());
        if let Some(birth) = &self.birth {
            json.insert("birthArtifactID".to_owned(), birth.clone().into());
        }
        if self.skip_cache {
            json.insert("skip_cache".to_owned(), true.into());
        }
        if !self.extra.is_empty() {
            json.insert("extra".to_owned(), self.extra.iter().cloned().collect());
        }
        Value::Object(json)
    }
}

/// Base64 of the MD5: the digest of files and of the manifest's own bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// A line of the file in which other writers put long manifests.
#[derive(serde::Deserialize)]
struct Line {
    path: String,
    #[serde(alias = "localPath")]
    local_path: Option<String>,
    #[serde(alias = "birthArtifactID")]
    birth_artifact_id: Option<String>,
    #[serde(alias = "skipCache", default)]
    skip_cache: Option<bool>,
    #[serde(flatten)]
    rest: StoredEntry,
}

/// Reads such a file: a JSON object per line, compressed. Blocks.
fn lines(path: &Path) -> std::io::Result<Vec<Entry>> {
    let file = BufReader::new(MultiGzDecoder::new(std::fs::File::open(path)?));
    let mut entries = Vec::new();
    for line in file.lines() {
        let line: Line = serde_json::from_str(&line?)?;
        let reference = line.rest.reference;
        let source = line.local_path.filter(|path| !path.is_empty());
        entries.push(Entry {
            path: line.path,
            digest: line.rest.digest,
            size: line.rest.size.unwrap_or(0),
            source: source.filter(|_| reference.is_none()).map(PathBuf::from),
            reference,
            birth: line.birth_artifact_id.or(line.rest.birth),
            skip_cache: line.skip_cache.unwrap_or(false),
            extra: line.rest.extra.into_iter().collect(),
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wandbd_record::wandb::{ArtifactManifest, ExtraItem};

    fn record(contents: Vec<ArtifactManifestEntry>) -> ArtifactRecord {
        ArtifactRecord {
            name: "data".into(),
            manifest: Some(ArtifactManifest {
                contents,
                ..ArtifactManifest::default()
            }),
            ..ArtifactRecord::default()
        }
    }

    #[tokio::test]
    async fn the_manifest_is_sorted_and_says_nothing_of_this_machine() {
        let file = ArtifactManifestEntry {
            path: "dir/f.txt".into(),
            digest: "XUFAKrxLKna5cZ2REBfFkg==".into(),
            size: 5,
            local_path: "/home/me/f.txt".into(),
            ..ArtifactManifestEntry::default()
        };
        let reference = ArtifactManifestEntry {
            path: "big.csv".into(),
            digest: "abc-etag".into(),
            r#ref: "s3://bucket/big.csv".into(),
            size: 1234,
            extra: vec![ExtraItem {
                key: "etag".into(),
                value_json: "\"abc-etag\"".into(),
            }],
            ..ArtifactManifestEntry::default()
        };
        let record = record(vec![file, reference]);
        let mut manifest = Manifest::read(&record).await.unwrap();
        manifest.entries[1].birth = Some("QXJ0aWZhY3Q6MQ==".into());

        let json: Value = serde_json::from_slice(&manifest.to_json()).unwrap();

        assert_eq!(
            json,
            json!({
                "version": 1,
                "storagePolicy": "wandb-storage-policy-v1",
                "storagePolicyConfig": {"storageLayout": "V2"},
                "contents": {
                    "big.csv": {
                        "digest": "abc-etag", "ref": "s3://bucket/big.csv", "size": 1234, "extra": {"etag": "abc-etag"}
                    },
                    "dir/f.txt": {
                        "digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": 5, "birthArtifactID": "QXJ0aWZhY3Q6MQ=="
                    },
                },
            })
        );
        assert_eq!(manifest.entries[0].source, None);
    }

    #[tokio::test]
    async fn a_record_without_a_manifest_is_refused_by_name() {
        let nameless = ArtifactRecord {
            name: "data".into(),
            ..ArtifactRecord::default()
        };

        let error = Manifest::read(&nameless).await.unwrap_err().to_string();

        assert!(error.contains("artifact data"), "{error}");
    }

    #[tokio::test]
    async fn a_manifest_may_lie_in_a_file_of_its_own() {
        use std::io::Write;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.manifest_contents.jl.gz");
        let file = std::fs::File::create(&path).unwrap();
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        for line in [
            r#"{"path": "b", "digest": "d2", "ref": "s3://b/k", "size": 3, "extra": {"etag": "e"}}"#,
            r#"{"path": "a", "digest": "d1", "size": 5, "local_path": "/tmp/a", "skip_cache": true}"#,
        ] {
            writeln!(file, "{line}").unwrap();
        }
        file.finish().unwrap();
        let mut record = record(Vec::new());
        let manifest = record.manifest.as_mut().unwrap();
        manifest.manifest_file_path = path.to_string_lossy().into_owned();

        let manifest = Manifest::read(&record).await.unwrap();

        let entries = &manifest.entries;
        assert_eq!(entries[0].source, Some("/tmp/a".into()));
        assert!(entries[0].skip_cache && entries[1].source.is_none());
        assert_eq!(entries[1].reference.as_deref(), Some("s3://b/k"));
        assert_eq!((entries.len(), entries[1].extra.len()), (2, 1));
    }

    #[test]
    fn its_digest_is_the_one_that_wandb_computes() {
        let entry = ArtifactManifestEntry {
            path: "dir/f.txt".into(),
            digest: "XUFAKrxLKna5cZ2REBfFkg==".into(),
            ..ArtifactManifestEntry::default()
        };

        let manifest = Manifest::of(&record(vec![entry])).unwrap();

        assert_eq!(manifest.digest(), "33dc0dd41b692295dde50eeb49415311");
    }

    #[test]
    fn digests_are_those_of_wandb() {
        assert_eq!(digest(b"hello"), "XUFAKrxLKna5cZ2REBfFkg==");
        assert_eq!(digest(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
