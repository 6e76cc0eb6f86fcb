//! Hashes the files of an accepted artifact, off the way of acks, and makes its W&B record.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use wandbd_journal::Urgency;
use wandbd_proto::{v1, wandb};

use wandbd_record::{
    BadArtifact,
    convert::{HashedFile, artifact_record, run_record},
    note::record,
};

use crate::{error::IngestError, run_log::RunLog};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

impl RunLog {
    /// An accepted artifact that is not hashed yet. Blocking.
    pub(crate) fn next_artifact(&self) -> Option<v1::Artifact> {
        self.lock().memory.staging.first().cloned()
    }

    /// Private snapshots of an artifact.
    pub fn staged(&self, client_id: &str) -> Vec<PathBuf> {
        self.see()
            .staged
            .get(client_id)
            .cloned()
            .unwrap_or_default()
    }

    /// Writes the record of a hashed artifact, or notes that it failed (`record` is `None`).
    pub(crate) fn finish_artifact(
        &self,
        client_id: &str,
        record: Option<wandb::Record>,
    ) -> Result<(), IngestError> {
        let mut record =
            record.unwrap_or_else(|| wandbd_record::note::carrier(v1::Note::default()));
        wandbd_record::note::set_note(
            &mut record,
            v1::Note {
                artifact_client_id: client_id.to_owned(),
                ..v1::Note::default()
            },
        );
        self.append_own(vec![record], Urgency::Normal)?;
        let mut inner = self.lock();
        inner.memory.completed(client_id);
        self.refresh(&inner);
        Ok(())
    }
}

/// Why an artifact cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StagingError {
    #[error("artifact {artifact}: cannot read {source_path}")]
    Read {
        artifact: String,
        source_path: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Refused(#[from] BadArtifact),
    #[error(transparent)]
    Run(#[from] wandbd_record::BadRecord),
}

/// Reads every file once; blocking.
pub(crate) fn hash(
    artifact: &v1::Artifact,
    run: &v1::OpenRun,
) -> Result<wandb::Record, StagingError> {
    let mut hashed = Vec::with_capacity(artifact.file.len());
    for file in &artifact.file {
        let (md5, size) = md5_of(Path::new(&file.source)).map_err(|source| StagingError::Read {
            artifact: artifact.name.clone(),
            source_path: file.source.clone(),
            source,
        })?;
        hashed.push(HashedFile {
            path: file.path.clone(),
            source: file.source.clone(),
            size,
            md5_base64: md5,
        });
    }
    let artifact = artifact_record(&run_record(run)?, artifact, &hashed)?;
    Ok(record(wandb::record::RecordType::Artifact(artifact)))
}

fn md5_of(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Md5::new();
    let mut block = vec![0; BLOCK];
    let mut size = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok((BASE64_STANDARD.encode(hasher.finalize()), size));
        }
        hasher.update(&block[..read]);
        size += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_digest_is_the_base64_of_its_md5() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(
            md5_of(file.path()).unwrap(),
            ("1B2M2Y8AsgTpgAmY7PhCfg==".to_owned(), 0)
        );

        std::fs::write(file.path(), "hello").unwrap();
        assert_eq!(
            md5_of(file.path()).unwrap(),
            ("XUFAKrxLKna5cZ2REBfFkg==".to_owned(), 5)
        );
    }
}
