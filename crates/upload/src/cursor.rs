//! How far a destination has come, on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;
use wandbd_journal::{CursorError, Files, Position, cursor};
use wandbd_run::Opened;

use crate::artifacts::Fate;
use crate::error::UploadError;
use crate::mark::Mark;

/// How long to wait before a cursor that could not be saved is saved again.
pub(crate) const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// What is accepted. Line counts do not include the bases of the opened block.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Everything before this position of the journal is accepted.
    pub(crate) position: u64,
    pub(crate) history: u64,
    pub(crate) events: u64,
    /// Posts accepted.
    pub(crate) posts: u64,
    pub(crate) opened: Option<Opened>,
    /// Files the destination has been told of, and how they were then.
    pub(crate) files: BTreeMap<String, Mark>,
    /// What came of artifacts, of links and of uses, by their keys.
    pub(crate) artifacts: BTreeMap<String, Fate>,
    pub(crate) quarantined: u64,
    pub(crate) completed: bool,
    /// Config and parameters up to this position have been told.
    #[serde(default)]
    pub(crate) updated: u64,
    /// Alerts up to this position are settled.
    #[serde(default)]
    pub(crate) alerts: u64,
    /// The run was deleted there and is to be made again; it was opened like this before.
    #[serde(default)]
    pub(crate) before: Option<Opened>,
}

/// What the cursor file beside a journal says, for whoever decides what to keep.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// The destination has everything, the end of the run included.
    pub completed: bool,
    /// What the destination calls the run.
    pub opened: Option<Opened>,
    /// History rows accepted.
    pub rows: u64,
    /// Everything before this byte of the journal is accepted.
    pub position: u64,
    /// What came of artifacts, by their client ids.
    pub artifacts: BTreeMap<String, Fate>,
}

/// Reads the cursor beside `journal`. A missing or damaged one means that nothing is known to be accepted.
///
/// # Errors
/// [`CursorError::Io`].
pub fn delivered(files: &dyn Files, journal: &Path) -> Result<Delivered, CursorError> {
    let bytes = match cursor::load(files, &beside(journal, "cursor")) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(CursorError::Damaged { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let cursor: Cursor = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Delivered {
        completed: cursor.completed,
        opened: cursor.opened,
        rows: cursor.history,
        position: cursor.position,
        artifacts: cursor.artifacts,
    })
}

/// Forgets what was accepted, so that the next uploader opens the run anew and sends everything: for another server or project, or
/// when a person wants it all again.
///
/// # Errors
/// What the system says.
pub fn forget(files: &dyn Files, journal: &Path) -> std::io::Result<()> {
    for suffix in ["cursor", "opened"] {
        match files.remove(&beside(journal, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// `<journal>.<suffix>`.
pub(crate) fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Keeps the cursor file.
#[derive(Clone)]
pub(crate) struct Notebook {
    files: Arc<dyn Files>,
    journal: PathBuf,
}

impl Notebook {
    pub(crate) fn new(files: Arc<dyn Files>, journal: &Path) -> Notebook {
        Notebook {
            files,
            journal: journal.to_owned(),
        }
    }

    /// The cursor saved last. If it is damaged, the beginning, with the opened block from its second copy.
    pub(crate) async fn load(&self) -> Result<Cursor, UploadError> {
        let this = self.clone();
        blocking(move || {
            let found = this.read::<Cursor>("cursor")?;
            let usable = |cursor: &Cursor| cursor.opened.is_some() || cursor.before.is_some();
            if let Some(cursor) = found.filter(usable) {
                return Ok(cursor);
            }
            let opened = this.read::<Opened>("opened")?;
            if opened.is_some() {
                let journal = this.journal.display();
                warn!(%journal, "no usable cursor: everything is sent again to the same place");
            }
            Ok(Cursor {
                opened,
                ..Cursor::default()
            })
        })
        .await
    }

    fn read<T: serde::de::DeserializeOwned>(&self, suffix: &str) -> Result<Option<T>, UploadError> {
        let path = beside(&self.journal, suffix);
        let bytes = match cursor::load(self.files.as_ref(), &path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error @ CursorError::Damaged { .. }) => {
                warn!(%error, "not used");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let value = serde_json::from_slice(&bytes);
        if let Err(error) = &value {
            warn!(path = %path.display(), %error, "not used");
        }
        Ok(value.ok())
    }

    /// Saves; when it returns the cursor survives a power cut.
    pub(crate) async fn save(&self, cursor: &Cursor) -> Result<(), UploadError> {
        self.write("cursor", serde_json::to_vec(cursor)).await
    }

    /// The second copy of the opened block, written once.
    pub(crate) async fn save_opened(&self, opened: &Opened) -> Result<(), UploadError> {
        self.write("opened", serde_json::to_vec(opened)).await
    }

    async fn write(
        &self,
        suffix: &'static str,
        content: Result<Vec<u8>, serde_json::Error>,
    ) -> Result<(), UploadError> {
        let this = self.clone();
        blocking(move || {
            let path = beside(&this.journal, suffix);
            let content = content.map_err(|error| CursorError::Io {
                action: "write",
                path: path.clone(),
                source: error.into(),
            })?;
            Ok(cursor::save(this.files.as_ref(), &path, &content)?)
        })
        .await
    }
}

impl Cursor {
    pub(crate) fn at(&self) -> Position {
        Position(self.position)
    }
}

/// Runs what waits for the disk where waiting is fine.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(UploadError::Shutdown),
    }
}

impl Cursor {
    /// Tells what it knows; true if that is news.
    pub(crate) fn report(&self, progress: &mut crate::progress::Progress) -> bool {
        let news = [
            (&mut progress.rows_delivered, self.history),
            (&mut progress.position, self.position),
            (&mut progress.lines_quarantined, self.quarantined),
        ];
        let mut changed = false;
        // What came of an artifact is decided once.
        if progress.artifacts.len() != self.artifacts.len() {
            let fates = self.artifacts.values();
            let superseded = fates.filter(|fate| **fate == Fate::Superseded);
            progress.artifacts_superseded = superseded.count() as u64;
            progress.artifacts = Arc::new(self.artifacts.clone());
            changed = true;
        }
        for (told, now) in news {
            changed |= std::mem::replace(told, now) != now;
        }
        changed
    }

    /// Forgets what the destination has, because the run was deleted there. Alerts were read, and artifacts are not the run's alone.
    pub(crate) fn start_over(&mut self) {
        *self = Cursor {
            before: self.opened.take().or_else(|| self.before.take()),
            artifacts: std::mem::take(&mut self.artifacts),
            alerts: self.alerts,
            ..Cursor::default()
        };
    }
}
