//! Accepted artifacts on their way to the journal: which is hashed next, what became of it, and what is to be kept for it.

use std::path::PathBuf;

use wandbd_journal::Urgency;
use wandbd_proto::{v1, wandb};
use wandbd_record::note;

use crate::{error::IngestError, hashing::Hashing, run_log::RunLog};

impl RunLog {
    /// An accepted artifact that is not hashed yet. Blocking.
    pub(crate) fn next_artifact(&self) -> Option<Hashing> {
        let state = self.lock();
        let artifact = state.memory.staging.first()?.clone();
        let with_media = artifact.file.iter().any(|file| !file.media.is_empty());
        let media = with_media.then(|| state.memory.rows.shelf().clone());
        Some(Hashing {
            artifact,
            open: self.open(),
            shelf: media.unwrap_or_default(),
            made_dir: self.path().with_file_name("made"),
        })
    }

    /// Private snapshots of an artifact.
    pub fn staged(&self, client_id: &str) -> Vec<PathBuf> {
        self.see()
            .staged
            .get(client_id)
            .cloned()
            .unwrap_or_default()
    }

    /// Private snapshots of all artifacts that were accepted, those that are delivered included.
    pub fn snapshots(&self) -> Vec<PathBuf> {
        self.see().staged.values().flatten().cloned().collect()
    }

    /// Client ids and names of the artifacts that were accepted and not lost since, in their order; also of those that are delivered.
    pub fn artifacts(&self) -> Vec<(String, String)> {
        let seen = self.see();
        let kept = seen.accepted.iter();
        kept.filter(|(id, _)| !seen.lost.contains_key(id))
            .cloned()
            .collect()
    }

    /// Whether an artifact of this id was accepted, or lost here.
    pub fn knows_artifact(&self, client_id: &str) -> bool {
        let seen = self.see();
        seen.staged.contains_key(client_id) || seen.lost.contains_key(client_id)
    }

    /// Why an artifact was given up before its upload.
    pub fn artifact_failure(&self, client_id: &str) -> Option<String> {
        self.see().lost.get(client_id).cloned()
    }

    /// Writes the record of a hashed artifact, or notes why it is lost.
    pub(crate) fn finish_artifact(
        &self,
        client_id: &str,
        hashed: Result<wandb::Record, String>,
    ) -> Result<(), IngestError> {
        let reason = hashed.as_ref().err().cloned();
        let record = hashed.unwrap_or_else(|reason| given_up(client_id, reason));
        // Its upload waits for this.
        self.append_own(vec![record], Urgency::Now)?;
        let mut inner = self.lock();
        inner.memory.completed(client_id);
        if let Some(reason) = reason {
            inner.memory.lose(client_id, reason);
        }
        self.refresh(&inner);
        Ok(())
    }
}

/// What says in a journal that an artifact will not come.
fn given_up(client_id: &str, reason: String) -> wandb::Record {
    note::carrier(v1::Note {
        artifact_client_id: client_id.to_owned(),
        said: Some(v1::Artifact {
            description: reason,
            ..v1::Artifact::default()
        }),
        ..v1::Note::default()
    })
}
