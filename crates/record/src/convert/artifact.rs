//! Artifacts: files that the daemon has hashed become a manifest.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use wandbd_proto::v1;
use wandbd_proto::wandb::{
    ArtifactManifest, ArtifactManifestEntry, ArtifactRecord, RunRecord, StoragePolicyConfigItem,
};

use crate::error::BadArtifact;
use crate::tree::Tree;

const MAX_NAME: usize = 128;

/// A file of an artifact after its content was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedFile {
    /// Inside the artifact, with slashes.
    pub path: String,
    /// Absolute path on this machine.
    pub source: String,
    /// Bytes.
    pub size: u64,
    /// Base64 (standard, padded) of the MD5 of the content.
    pub md5_base64: String,
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
    check_paths(name, artifact.file.iter().map(|file| file.path.as_str()))
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

/// The artifact of `run` with its files: one new version, to be committed. The first alias is `latest`.
/// # Errors
/// [`BadArtifact`] with the thing and the fix.
pub fn artifact_record(
    run: &RunRecord,
    artifact: &v1::Artifact,
    files: &[HashedFile],
) -> Result<ArtifactRecord, BadArtifact> {
    check_artifact(artifact)?;
    check_paths(&artifact.name, files.iter().map(|file| file.path.as_str()))?;
    let mut contents: Vec<ArtifactManifestEntry> = files.iter().map(entry).collect();
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
        aliases: aliases(&artifact.alias),
        manifest: Some(ArtifactManifest {
            version: 1,
            storage_policy: "wandb-storage-policy-v1".to_owned(),
            storage_policy_config: vec![StoragePolicyConfigItem {
                key: "storageLayout".to_owned(),
                value_json: "\"V2\"".to_owned(),
            }],
            contents,
            manifest_file_path: String::new(),
        }),
        finalize: true,
        digest_algorithm: "MANIFEST_MD5".to_owned(),
        client_id: artifact.client_id.clone(),
        sequence_client_id: artifact.sequence_client_id.clone(),
        ..ArtifactRecord::default()
    })
}

fn entry(file: &HashedFile) -> ArtifactManifestEntry {
    ArtifactManifestEntry {
        path: file.path.clone(),
        digest: file.md5_base64.clone(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        local_path: file.source.clone(),
        ..ArtifactManifestEntry::default()
    }
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
mod tests {
    use super::*;

    fn artifact() -> v1::Artifact {
        v1::Artifact {
            name: "run_abc_model".into(),
            r#type: "model".into(),
            alias: vec!["epoch_0".into(), "latest".into()],
            ..v1::Artifact::default()
        }
    }

    fn hello() -> HashedFile {
        HashedFile {
            path: "dir/f.txt".into(),
            source: "/tmp/f.txt".into(),
            size: 5,
            md5_base64: "XUFAKrxLKna5cZ2REBfFkg==".into(),
        }
    }

    #[test]
    fn the_digest_is_the_one_that_wandb_computes() {
        let record = artifact_record(&RunRecord::default(), &artifact(), &[hello()]).unwrap();

        assert_eq!(record.digest, "33dc0dd41b692295dde50eeb49415311");
        assert_eq!(record.aliases, ["latest", "epoch_0"]);
        assert!(record.finalize);
        assert_eq!(record.digest_algorithm, "MANIFEST_MD5");
    }

    #[test]
    fn two_files_of_one_path_are_refused() {
        let error = artifact_record(&RunRecord::default(), &artifact(), &[hello(), hello()]);

        assert!(matches!(error, Err(BadArtifact::Path { path, .. }) if path == "dir/f.txt"));
    }

    #[test]
    fn names_aliases_and_metadata_follow_the_rules() {
        type Change = fn(&mut v1::Artifact);
        let bad: [Change; 8] = [
            |one| one.name = String::new(),
            |one| one.name = "x".repeat(129),
            |one| one.name = "a/b".into(),
            |one| one.name = "ä".into(),
            |one| one.r#type = String::new(),
            |one| one.alias = vec!["v:1".into()],
            |one| one.alias = vec![String::new()],
            |one| one.metadata_json = "[1]".into(),
        ];
        for change in bad {
            let mut given = artifact();
            change(&mut given);

            assert!(check_artifact(&given).is_err(), "{given:?}");
        }
        assert_eq!(check_artifact(&artifact()), Ok(()));
    }
}
