//! What one post carries.

use std::collections::BTreeMap;

use wandbd_record::wandb::{ArtifactRecord, FilesItem, files_item::PolicyType};

/// Changes to be sent. Merging two batches has the same effect as sending both in order.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says that one whole thing is to be sent again"
)]
pub struct Batch {
    /// History lines, to be appended.
    pub history: Vec<String>,
    /// System-metric lines, to be appended.
    pub events: Vec<String>,
    /// Console lines by their absolute number, the base of [`crate::Opened`] included; a later text replaces an earlier one.
    pub console: BTreeMap<u64, String>,
    /// The summary has changed: send the whole of it.
    pub summary: bool,
    /// The config has changed: send the whole of it.
    pub config: bool,
    /// Name, notes or tags have changed.
    pub params: bool,
    /// What is known of program and machine has changed: `wandb-metadata.json` is due.
    pub metadata: bool,
    /// The run will be preempted: to be said at once.
    pub preempting: bool,
    /// Files to be uploaded.
    pub files: Vec<FileItem>,
    /// Artifacts to be uploaded.
    pub artifacts: Vec<ArtifactRecord>,
    /// The run has ended with this code.
    pub exit: Option<i32>,
    /// About how many bytes the lines have.
    pub bytes: usize,
}

impl Batch {
    /// Nothing to send.
    pub fn is_empty(&self) -> bool {
        let flags = self.summary || self.config || self.params || self.metadata || self.preempting;
        !flags
            && self.exit.is_none()
            && self.history.is_empty()
            && self.events.is_empty()
            && self.console.is_empty()
            && self.files.is_empty()
            && self.artifacts.is_empty()
    }

    /// Adds what came later.
    pub fn merge(&mut self, later: Self) {
        self.history.extend(later.history);
        self.events.extend(later.events);
        self.console.extend(later.console);
        self.summary |= later.summary;
        self.config |= later.config;
        self.params |= later.params;
        self.metadata |= later.metadata;
        self.preempting |= later.preempting;
        self.files.extend(later.files);
        self.artifacts.extend(later.artifacts);
        self.exit = later.exit.or(self.exit);
        self.bytes += later.bytes;
    }
}

/// When a file is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePolicy {
    /// Once, as soon as possible.
    Now,
    /// At the end of the run.
    End,
    /// Now, whenever it changes, and at the end.
    Live,
}

/// A file of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileItem {
    /// Path below the run's files directory, with slashes.
    pub name: String,
    /// When to upload it.
    pub policy: FilePolicy,
}

impl FileItem {
    pub(crate) fn of(item: &FilesItem) -> Self {
        Self {
            name: item.path.clone(),
            policy: match item.policy() {
                PolicyType::Now => FilePolicy::Now,
                PolicyType::End => FilePolicy::End,
                PolicyType::Live => FilePolicy::Live,
            },
        }
    }
}
