//! Files of runs and artifacts.

use async_graphql::{ID, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;

use super::scalars::{DateTime, Int64, id};
use crate::mime;
use crate::sign::{PATH, Signer, hex};
use crate::store::artifact_files::ArtifactFileRow;
use crate::store::files::FileRow;

/// Where a file comes from.
pub(crate) enum Source {
    Run(FileRow),
    Artifact(ArtifactFileRow),
    /// Asked for by name, never uploaded: W&B answers with an empty file.
    Absent(String),
}

/// A file with addresses to read and write it.
pub(crate) struct File {
    pub(crate) source: Source,
    /// Row number and `entity/project/name` of the run, for files of runs.
    pub(crate) run: (i64, String),
    pub(crate) signer: Signer,
    pub(crate) now: f64,
}

impl File {
    fn file_name(&self) -> &str {
        match &self.source {
            Source::Run(row) => &row.name,
            Source::Artifact(row) => &row.name,
            Source::Absent(name) => name,
        }
    }

    /// Address to read the file with the API key; the public API downloads from here.
    fn keyed(&self) -> String {
        let name = utf8_percent_encode(self.file_name(), PATH);
        match &self.source {
            Source::Run(_) | Source::Absent(_) => {
                let run = utf8_percent_encode(&self.run.1, PATH);
                format!("{}/files/{run}/{name}", self.signer.base())
            }
            Source::Artifact(row) => row.reference.clone().unwrap_or_else(|| {
                format!("{}/artifacts/files/{}/{name}", self.signer.base(), row.id)
            }),
        }
    }

    /// Signed address, to be used without the API key.
    fn download(&self) -> String {
        match &self.source {
            Source::Run(row) => {
                let subject = format!("run-file-{}", row.id);
                self.signer.url("get", &subject, &row.name, self.now)
            }
            Source::Artifact(row) => row.reference.clone().unwrap_or_else(|| {
                let subject = format!("artifact-file-{}", row.id);
                self.signer.url("get", &subject, &row.name, self.now)
            }),
            Source::Absent(name) => {
                let subject = format!("run-name-{}-{}", self.run.0, hex(name.as_bytes()));
                self.signer.url("get", &subject, name, self.now)
            }
        }
    }

    fn digest_base64(&self) -> Option<String> {
        match &self.source {
            Source::Run(row) => row.md5.clone(),
            Source::Artifact(row) => Some(row.digest.clone()),
            Source::Absent(_) => None,
        }
    }
}

#[Object]
impl File {
    async fn id(&self) -> ID {
        match &self.source {
            Source::Run(row) => id("File", row.id).into(),
            Source::Artifact(row) => id("ArtifactFile", row.id).into(),
            Source::Absent(_) => id("File", 0).into(),
        }
    }
    async fn name(&self) -> &str {
        self.file_name()
    }
    async fn display_name(&self) -> &str {
        self.file_name()
    }
    async fn url(&self, upload: Option<bool>) -> String {
        if upload == Some(true) {
            let subject = format!(
                "run-name-{}-{}",
                self.run.0,
                hex(self.file_name().as_bytes())
            );
            return self.signer.url("put", &subject, self.file_name(), self.now);
        }
        self.keyed()
    }
    async fn direct_url(&self) -> String {
        self.download()
    }
    async fn size_bytes(&self) -> Int64 {
        Int64(match &self.source {
            Source::Run(row) => row.size,
            Source::Artifact(row) => row.size,
            Source::Absent(_) => 0,
        })
    }
    async fn mimetype(&self) -> &str {
        mime::of(self.file_name())
    }
    async fn updated_at(&self) -> Option<DateTime> {
        match &self.source {
            Source::Run(row) => Some(DateTime::at(row.updated_at)),
            Source::Artifact(_) | Source::Absent(_) => None,
        }
    }
    async fn digest(&self) -> Option<String> {
        self.digest_base64()
    }
    async fn md5(&self) -> Option<String> {
        self.digest_base64()
    }
    async fn storage_path(&self) -> Option<String> {
        match &self.source {
            Source::Artifact(row) => {
                let md5 = STANDARD.decode(&row.digest).unwrap_or_default();
                Some(format!("wandb_artifacts/{}/{}", row.birth_id, hex(&md5)))
            }
            Source::Run(_) | Source::Absent(_) => None,
        }
    }
}
