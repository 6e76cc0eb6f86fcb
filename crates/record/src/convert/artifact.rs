//! Artifacts: files that the daemon has hashed become a manifest.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use wandbd_proto::v1::{self, artifact::File};
use wandbd_proto::wandb::{
    ArtifactManifest, ArtifactManifestEntry, ArtifactRecord, ExtraItem, RunRecord,
    StoragePolicyConfigItem,
};

use crate::error::{BadArtifact, BadJson};
use crate::json::str_text;
use crate::tree::{Node, Tree};

const MAX_NAME: usize = 128;

/// The lifetime of what is never removed, as W&B says it.
const NEVER: i64 = -2;

/// One path of an artifact after its content was read, or was found elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedFile {
    /// Inside the artifact, with slashes.
    pub path: String,
    /// Base64 (standard, padded) of the MD5 of the content; of a reference whatever identifies it.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Where it is.
    pub content: Content,
    /// No copy is kept on this machine.
    pub skip_cache: bool,
}

/// Where the content of a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In a file: an absolute path on this machine.
    File(String),
    /// At an address: nothing is uploaded.
    Reference {
        /// The address.
        uri: String,
        /// A JSON object, or empty.
        extra_json: String,
    },
    /// On the server already, as part of this artifact: nothing is uploaded.
    Known(String),
}

/// Checks what a client says of an artifact, before its files are read.
/// # Errors
/// [`BadArtifact`] with the thing and the fix.
pub fn check_artifact(artifact: &v1::Artifact) -> Result<(), BadArtifact> {
    let name = &artifact.name;
    if name.is_empty() {
        return Err(BadArtifact::Unnamed);
    }
    let length = name.chars().count();
    if length > MAX_NAME {
        return Err(BadArtifact::Long {
            name: name.clone(),
            length,
        });
    }
    let allowed = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '-');
    if let Some(character) = name.chars().find(|one| !allowed(*one)) {
        return Err(BadArtifact::Character {
            name: name.clone(),
            character,
        });
    }
    if artifact.r#type.is_empty() {
        return Err(BadArtifact::Untyped(name.clone()));
    }
    let bad_alias = |alias: &&String| alias.is_empty() || alias.contains(['/', ':']);
    if let Some(alias) = artifact.alias.iter().find(bad_alias) {
        return Err(BadArtifact::Alias {
            name: name.clone(),
            alias: alias.clone(),
        });
    }
    if !artifact.metadata_json.is_empty() {
        Tree::parse_object(&artifact.metadata_json).map_err(|source| BadArtifact::Metadata {
            name: name.clone(),
            source,
        })?;
    }
    check_tags(artifact)?;
    for file in &artifact.file {
        check_file(name, file)?;
    }
    check_paths(name, artifact.file.iter().map(|file| file.path.as_str()))
}

/// W&B's rule for tags: letters, digits, `_`, `-`, and single blanks between them.
fn check_tags(artifact: &v1::Artifact) -> Result<(), BadArtifact> {
    let allowed = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | ' ');
    let bad = |tag: &&String| tag.trim().is_empty() || !tag.chars().all(allowed);
    match artifact.tag.iter().find(bad) {
        Some(tag) => Err(BadArtifact::Tag {
            name: artifact.name.clone(),
            tag: tag.clone(),
        }),
        None => Ok(()),
    }
}

/// A path has one content.
fn check_file(name: &str, file: &File) -> Result<(), BadArtifact> {
    let contents = [&file.source, &file.reference, &file.media, &file.birth_id];
    let given = contents.iter().filter(|text| !text.is_empty()).count();
    let local = file.source.is_empty() || file.source.starts_with('/');
    let known = file.birth_id.is_empty() || !file.digest.is_empty();
    if given != 1 || !local || !known {
        return Err(BadArtifact::Content {
            name: name.to_owned(),
            path: file.path.clone(),
        });
    }
    if !file.extra_json.is_empty() {
        Tree::parse_object(&file.extra_json).map_err(|source| BadArtifact::Extra {
            name: name.to_owned(),
            path: file.path.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Checks a link to a version.
/// # Errors
/// [`BadArtifact::Link`].
pub fn check_link(link: &v1::Link) -> Result<(), BadArtifact> {
    let one = link.client_id.is_empty() != link.artifact_id.is_empty();
    let parts = link.target.split('/').count();
    if one && !link.target.is_empty() && parts <= 3 && !link.target.split('/').any(str::is_empty) {
        return Ok(());
    }
    Err(BadArtifact::Link(link.target.clone()))
}

/// What W&B's record has no fields for; nothing when there is nothing to say.
pub fn said_of(artifact: &v1::Artifact) -> Option<v1::Artifact> {
    let said = v1::Artifact {
        keep: artifact.keep,
        history_step: artifact.history_step,
        only_used: artifact.only_used,
        remove: artifact.remove.clone(),
        storage_region: artifact.storage_region.clone(),
        ttl_s: artifact.ttl_s,
        ..v1::Artifact::default()
    };
    (said != v1::Artifact::default()).then_some(said)
}

fn check_paths<'a>(name: &str, paths: impl Iterator<Item = &'a str>) -> Result<(), BadArtifact> {
    let mut paths: Vec<&str> = paths.collect();
    paths.sort_unstable();
    let twice = paths.windows(2).find(|pair| pair[0] == pair[1]);
    let first_empty = paths.first().filter(|path| path.is_empty());
    match twice.map(|pair| pair[0]).or(first_empty.copied()) {
        Some(path) => Err(BadArtifact::Path {
            name: name.to_owned(),
            path: path.to_owned(),
        }),
        None => Ok(()),
    }
}

/// The artifact of `run` with its files: one new version, to be committed unless it is `unfinished`. The first alias is `latest`.
/// # Errors
/// [`BadArtifact`] with the thing and the fix.
pub fn artifact_record(
    run: &RunRecord,
    artifact: &v1::Artifact,
    files: &[HashedFile],
) -> Result<ArtifactRecord, BadArtifact> {
    check_artifact(artifact)?;
    check_paths(&artifact.name, files.iter().map(|file| file.path.as_str()))?;
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        contents.push(entry(&artifact.name, file)?);
    }
    contents.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(ArtifactRecord {
        run_id: run.run_id.clone(),
        project: run.project.clone(),
        entity: run.entity.clone(),
        r#type: artifact.r#type.clone(),
        name: artifact.name.clone(),
        digest: manifest_digest(&contents),
        description: artifact.description.clone(),
        metadata: artifact.metadata_json.clone(),
        user_created: artifact.only_used,
        use_after_commit: artifact.used || artifact.only_used,
        aliases: aliases(&artifact.alias),
        manifest: Some(ArtifactManifest {
            version: 1,
            storage_policy: "wandb-storage-policy-v1".to_owned(),
            storage_policy_config: storage(&artifact.storage_region),
            contents,
            manifest_file_path: String::new(),
        }),
        distributed_id: artifact.distributed_id.clone(),
        finalize: !artifact.unfinished,
        client_id: artifact.client_id.clone(),
        sequence_client_id: artifact.sequence_client_id.clone(),
        base_id: artifact.base_id.clone(),
        ttl_duration_seconds: ttl(artifact.ttl_s),
        tags: artifact.tag.clone(),
        digest_algorithm: "MANIFEST_MD5".to_owned(),
        incremental_beta1: artifact.incremental,
    })
}

/// W&B's numbers: none is nothing, -2 is never, -1 would be inherited.
fn ttl(seconds: Option<i64>) -> i64 {
    match seconds {
        Some(..0) => NEVER,
        Some(seconds) => seconds,
        None => 0,
    }
}

fn storage(region: &str) -> Vec<StoragePolicyConfigItem> {
    let item = |key: &str, value: &str| StoragePolicyConfigItem {
        key: key.to_owned(),
        value_json: str_text(value),
    };
    let mut config = vec![item("storageLayout", "V2")];
    if !region.is_empty() {
        config.push(item("storageRegion", region));
    }
    config
}

fn entry(name: &str, file: &HashedFile) -> Result<ArtifactManifestEntry, BadArtifact> {
    let mut entry = ArtifactManifestEntry {
        path: file.path.clone(),
        digest: file.digest.clone(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        skip_cache: file.skip_cache,
        ..ArtifactManifestEntry::default()
    };
    match &file.content {
        Content::File(source) => entry.local_path.clone_from(source),
        Content::Known(birth_id) => entry.birth_artifact_id.clone_from(birth_id),
        Content::Reference { uri, extra_json } => {
            entry.r#ref.clone_from(uri);
            entry.extra = extras(extra_json).map_err(|source| BadArtifact::Extra {
                name: name.to_owned(),
                path: file.path.clone(),
                source,
            })?;
        }
    }
    Ok(entry)
}

fn extras(extra_json: &str) -> Result<Vec<ExtraItem>, BadJson> {
    if extra_json.is_empty() {
        return Ok(Vec::new());
    }
    let tree = Tree::parse_object(extra_json)?;
    let item = |(key, node): (&str, &Node)| ExtraItem {
        key: key.to_owned(),
        value_json: node.to_json(),
    };
    Ok(tree.iter().map(item).collect())
}

fn aliases(given: &[String]) -> Vec<String> {
    let mut out = vec!["latest".to_owned()];
    for alias in given {
        if !out.contains(alias) {
            out.push(alias.clone());
        }
    }
    out
}

/// The digest of an artifact: hexadecimal MD5 over its entries, sorted by path.
pub fn manifest_digest(contents: &[ArtifactManifestEntry]) -> String {
    let mut sorted: Vec<&ArtifactManifestEntry> = contents.iter().collect();
    sorted.sort_by(|left, right| left.path.cmp(&right.path));
    let mut hash = Md5::new();
    hash.update(b"wandb-artifact-manifest-v1\n");
    for entry in sorted {
        hash.update(format!("{}:{}\n", entry.path, entry.digest));
    }
    let mut out = String::with_capacity(32);
    for byte in hash.finalize() {
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests;
