use std::{io, path::PathBuf, sync::Arc};

/// Why a file is not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StageError {
    /// The quota does not allow it.
    #[error(
        "the snapshots that wait for their upload in {dir} take {used}, and {asked} more are over the limit of {limit}; raise WANDBD_STAGING_BYTES, or try again when the uploads have caught up",
        used = in_words(*used), asked = in_words(*asked), limit = in_words(*limit)
    )]
    Full {
        /// The staging directory.
        dir: PathBuf,
        /// Bytes that lie there.
        used: u64,
        /// Bytes that were to come.
        asked: u64,
        /// Bytes that may lie there.
        limit: u64,
    },
    /// The disk does not allow it.
    #[error(
        "the disk of {dir} has {free} left, too little for a snapshot of {asked}; make room there, or set WANDBD_STATE_DIR to another disk",
        free = in_words(*free), asked = in_words(*asked)
    )]
    NoRoom {
        /// The staging directory.
        dir: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that were to come.
        asked: u64,
    },
    /// Somebody wrote to the file before its copy was complete.
    #[error(
        "{source_path} was changed before its copy was complete; write new files instead of old ones, or log with less in flight"
    )]
    Changed {
        /// The user's file.
        source_path: PathBuf,
    },
    /// There is no such snapshot.
    #[error(
        "the snapshot {path} is gone: its copy was not complete when the process or the machine ended, or somebody removed it"
    )]
    Missing {
        /// Where it should lie.
        path: PathBuf,
    },
    /// The path is not one of a snapshot.
    #[error("{path} is no path below the staging directory")]
    Outside {
        /// The path.
        path: PathBuf,
    },
    /// The daemon stops; the next one goes on.
    #[error("the daemon stops before the copy of a file is complete; the next one goes on")]
    Stopped,
    /// What the system said.
    #[error("cannot {action} {path}")]
    Io {
        /// "copy", "sync", ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
}

impl StageError {
    /// For `map_err`: names the action and the path.
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source: Arc::new(source),
        }
    }
}

/// A number of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn in_words(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
