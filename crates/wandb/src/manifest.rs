//! The manifest of an artifact: its entries, its digest, its JSON.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use wandbd_record::wandb::{ArtifactManifestEntry, ArtifactRecord};
use wandbd_upload::SendError;

/// What an artifact holds under one path.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// Base64 of the MD5, or whatever the reference's server says.
    pub(crate) digest: String,
    pub(crate) size: u64,
    /// Where the content is, if it is not uploaded.
    pub(crate) reference: Option<String>,
    /// The artifact that had this content first.
    pub(crate) birth: Option<String>,
    skip_cache: bool,
    extra: Vec<(String, Value)>,
    /// The file to upload.
    pub(crate) source: Option<PathBuf>,
}

/// A manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Sorted by path.
    pub(crate) entries: Vec<Entry>,
    version: i32,
    policy: String,
    policy_config: Map<String, Value>,
}

impl Manifest {
    /// Reads it from the journal's record.
    pub(crate) fn of(record: &ArtifactRecord) -> Result<Self, SendError> {
        let refuse = |reason: &str| SendError::Rejected {
            status: 0,
            reason: format!("artifact {}: {reason}", record.name),
        };
        let manifest = record.manifest.as_ref();
        let manifest = manifest.ok_or_else(|| refuse("the record has no manifest"))?;
        if manifest.contents.is_empty() && !manifest.manifest_file_path.is_empty() {
            return Err(refuse(
                "its manifest lies in a file of its own, which is not supported",
            ));
        }
        if record.digest_algorithm.contains("XXH128") {
            return Err(refuse("digests other than MD5 are not supported"));
        }
        let mut entries: Vec<Entry> = manifest.contents.iter().map(entry).collect();
        entries.sort_by(|left, right| left.path.cmp(&right.path));
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
            version: manifest.version.max(1),
            policy: match manifest.storage_policy.as_str() {
                "" => "wandb-storage-policy-v1".to_owned(),
                policy => policy.to_owned(),
            },
            policy_config,
        })
    }

    /// The JSON that is uploaded.
    pub(crate) fn to_json(&self) -> Vec<u8> {
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
pub(crate) fn digest(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// Hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
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

    #[test]
    fn the_manifest_is_sorted_and_says_nothing_of_this_machine() {
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
        let mut manifest = Manifest::of(&record(vec![file, reference])).unwrap();
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

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let mut xxh = record(Vec::new());
        xxh.digest_algorithm = "MANIFEST_XXH128".into();

        let error = Manifest::of(&xxh).unwrap_err().to_string();

        assert!(
            error.contains("artifact data: digests other than MD5"),
            "{error}"
        );
        assert!(Manifest::of(&ArtifactRecord::default()).is_err());
    }

    #[test]
    fn digests_are_those_of_wandb() {
        assert_eq!(digest(b"hello"), "XUFAKrxLKna5cZ2REBfFkg==");
        assert_eq!(digest(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
