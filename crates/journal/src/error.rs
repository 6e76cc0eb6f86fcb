use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::position::Position;

/// Why a journal could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused; the journal, if open, is as before the call.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file does not begin as a transaction log and holds no chunk where the first one should be.
    #[error("not a W&B transaction log: {}", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// Nothing of the group was written.
    #[error("a frame of {len} bytes is over the limit of {limit} bytes: {}", path.display())]
    FrameTooLarge {
        /// Length of the frame.
        len: usize,
        /// The limit, [`MAX_FRAME_BYTES`](crate::MAX_FRAME_BYTES).
        limit: usize,
        /// The file.
        path: PathBuf,
    },
    /// Asked to read or go on from a place the file does not have.
    #[error("position {position} is behind the end ({end}) of {}", path.display())]
    BeyondEnd {
        /// What was asked for.
        position: Position,
        /// What there is.
        end: Position,
        /// The file.
        path: PathBuf,
    },
    /// The file must not be trusted after its durable position; see [`rehome`](crate::rehome).
    #[error("cannot sync {}", path.display())]
    SyncFailed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A write failed with `write`, and cutting away what it left failed as well.
    #[error("a failed write ({write}) could not be undone in {}", path.display())]
    NotUndone {
        /// The file.
        path: PathBuf,
        /// Why the write failed.
        write: io::Error,
        /// Why cutting the file back failed.
        #[source]
        source: io::Error,
    },
    /// The journal failed before this call, for `cause`.
    #[error("the journal failed earlier: {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// The failure, the same one for all who ask.
        #[source]
        cause: Arc<JournalError>,
    },
    /// An append after [`close`](crate::Journal::close).
    #[error("the journal is closed: {}", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// The committer has ended, nothing can become durable any more.
    #[error("no commits any more, the committer has ended: {}", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    /// True when the disk or the quota is full: the same append may succeed later.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, JournalError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// For `map_err`: names the action and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.to_owned();
        move |source| JournalError::Io {
            action,
            path,
            source,
        }
    }
}

/// Why a cursor could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The operating system refused; the cursor saved before is still there.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is there, but is not what was saved.
    #[error("damaged cursor ({why}): {}", path.display())]
    Damaged {
        /// What is wrong with it.
        why: &'static str,
        /// The file.
        path: PathBuf,
    },
}

impl CursorError {
    /// For `map_err`: names the action and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CursorError {
        let path = path.to_owned();
        move |source| CursorError::Io {
            action,
            path,
            source,
        }
    }
}
