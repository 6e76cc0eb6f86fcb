use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use wandbd_record::{v1, wandb};
use wandbd_run::Opened;

use crate::error::SendError;
use crate::timing::Pace;

/// Where runs go. Everything is asked again until it is answered, so every method must be safe to repeat.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Makes the run known, or finds it again, and says what it is called there and at which offsets it goes on.
    ///
    /// Called once per run; again only when the answer was lost, or to ask for the state after a conflict.
    async fn open(&self, run: &RunStart) -> Result<Opened, SendError>;

    /// Tells the config, and the run's parameters if they have changed.
    async fn update(&self, opened: &Opened, state: &RunState) -> Result<(), SendError>;

    /// Delivers lines.
    async fn post(&self, opened: &Opened, post: &Post) -> Result<Answer, SendError>;

    /// Uploads files of the run; one result for each.
    async fn put_files(&self, opened: &Opened, files: &[UploadFile]) -> Vec<FileResult>;

    /// Tells people something about the run.
    async fn alert(&self, opened: &Opened, alert: &wandb::AlertRecord) -> Result<(), SendError>;

    /// Uploads a version of an artifact with all that belongs to it.
    async fn artifact(
        &self,
        opened: &Opened,
        version: &Version,
    ) -> Result<ArtifactOutcome, SendError>;

    /// Puts a version into another collection. `artifact_id` is set where the destination has said it.
    async fn link(&self, opened: &Opened, link: &v1::Link) -> Result<(), SendError>;

    /// Notes that the run reads a version that is there.
    async fn use_artifact(&self, opened: &Opened, id: &str) -> Result<(), SendError>;

    /// The credentials were refused: look for newer ones.
    async fn reauthorize(&self);

    /// The files that every run leaves when it ends, without `output.log`.
    fn exit_files(&self, state: &ExitState) -> Vec<UploadFile>;

    /// How often it wants to hear from a run.
    fn pace(&self) -> Pace;
}

/// What is known when a run is opened.
#[derive(Debug, Clone, Default)]
pub struct RunStart {
    /// The journal's run record.
    pub run: wandb::RunRecord,
    /// What the training process said at `init`, if the journal is ours.
    pub note: Option<v1::Opened>,
    /// The config so far, in W&B's wire form.
    pub config_json: String,
    /// Go on with the run if it is there, whatever the journal says: a part of it was sent before from another journal.
    pub resume: bool,
    /// The run was deleted there and a person wants it back: whatever the journal says of resuming has had its say.
    pub again: bool,
}

impl RunStart {
    /// What the training process said of several writers, if there are several.
    pub fn shared(&self) -> Option<&v1::Shared> {
        self.said()?.shared.as_ref()
    }

    /// What the training process said at `init`, if the journal is ours.
    pub fn said(&self) -> Option<&v1::OpenRun> {
        self.note.as_ref()?.run.as_ref()
    }
}

/// What may be told again and again about a run; each telling replaces the one before.
#[derive(Debug, Clone)]
pub struct RunState {
    /// The whole config, in W&B's wire form.
    pub config_json: String,
    /// What has changed of the run's parameters since they were told last.
    pub params: Option<ParamsChange>,
}

/// Parameters that have changed. `None` stays as it is, what is empty is cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParamsChange {
    /// The name for people.
    pub display_name: Option<String>,
    /// The notes.
    pub notes: Option<String>,
    /// All tags.
    pub tags: Option<Vec<String>>,
    /// The group.
    pub group: Option<String>,
    /// The job type.
    pub job_type: Option<String>,
    /// Path of the script.
    pub program: Option<String>,
    /// Address of the git remote.
    pub git_remote: Option<String>,
    /// Git commit.
    pub git_commit: Option<String>,
}

/// What is known when a run ends.
#[derive(Debug, Clone)]
pub struct ExitState {
    /// The whole config, in W&B's wire form.
    pub config_json: String,
    /// The summary, extended JSON.
    pub summary_json: String,
}

/// Consecutive lines of one file, shared with whoever sends them.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// Number of the first line at the destination.
    pub offset: u64,
    all: Arc<Vec<String>>,
    range: Range<usize>,
}

impl Block {
    /// Those of `all` that lie in `range`; none when it is not inside.
    pub fn new(offset: u64, all: Arc<Vec<String>>, range: Range<usize>) -> Block {
        Block { offset, all, range }
    }

    /// The lines, without line ends.
    pub fn lines(&self) -> &[String] {
        self.all.get(self.range.clone()).unwrap_or_default()
    }
}

/// One `file_stream` post. All fields may be empty: then it is a heartbeat.
#[derive(Debug, Clone, Default)]
pub struct Post {
    /// History rows.
    pub history: Block,
    /// System metrics.
    pub events: Block,
    /// Console lines.
    pub console: Block,
    /// The whole summary.
    pub summary: Option<Arc<str>>,
    /// Names of files that have been uploaded.
    pub uploaded: Vec<String>,
    /// The machine is about to be taken away.
    pub preempting: bool,
    /// The run has ended with this exit code.
    pub complete: Option<i32>,
}

/// What the destination says to a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Somebody asked for the run to stop.
    pub stopped: bool,
}

/// A file of a run.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// Path within the run's files, with slashes.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// The content of a file on this machine.
    Path(PathBuf),
    /// These bytes.
    Bytes(bytes::Bytes),
}

/// What became of one file.
#[derive(Debug)]
pub struct FileResult {
    /// Its name, as it was asked for.
    pub name: String,
    /// Uploaded, or why not.
    pub result: Result<(), SendError>,
}

/// A version of an artifact that is to be delivered.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// W&B's record of it.
    pub record: wandb::ArtifactRecord,
    /// What was said of it that the record has no fields for; without files.
    pub said: v1::Artifact,
    /// Paths of references whose servers are to be asked for the digest.
    pub ask: Vec<String>,
    /// Where an upload in parts may be noted, so that the next attempt goes on with it. Removed when the version is settled.
    pub parts: PathBuf,
}

/// What became of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactOutcome {
    /// What the destination calls it.
    pub id: String,
    /// False when the destination had this content already: there is no new version.
    pub new: bool,
}
