//! What can go wrong between a client and its journal.

use std::{io, path::PathBuf};

use wandbd_journal::JournalError;

/// Why a client's request could not be served. `status.rs` turns it into a gRPC status.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The journal refused; the client keeps its records and sends them again.
    #[error("journal of run {run}")]
    Journal {
        /// The run's id.
        run: String,
        /// What the journal said.
        #[source]
        source: JournalError,
    },
    /// A file of a run that is neither journal nor frame.
    #[error("cannot {action} {path}")]
    Io {
        /// "create", "read", ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds records that do not open a run of ours.
    #[error("{path} does not begin with a run of wandbd: {reason}")]
    NotOurs {
        /// The journal.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A record that cannot carry our note.
    #[error("bug: a record of run {run} cannot be journaled")]
    Record {
        /// The run's id.
        run: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The run is not here (yet): a worker may be faster than its parent.
    #[error("session {0} has not opened a run here")]
    UnknownRun(String),
    /// Records are missing between what is journaled and what came.
    #[error("run {run}: records {expected} to {got} of session {session} are missing")]
    Missing {
        /// The run's id.
        run: String,
        /// The client's session.
        session: String,
        /// The next number that was expected.
        expected: u64,
        /// The number before the one that came.
        got: u64,
    },
    /// The daemon stops; the next one goes on.
    #[error("the daemon stops; connect again")]
    Stopped,
    /// The client said something that the contract forbids.
    #[error("{0}")]
    Invalid(String),
    /// Keys could not be kept.
    #[error("cannot keep the credentials of run {run}")]
    Vault {
        /// The run's id.
        run: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl IngestError {
    /// Another journal lies where this one was to be made.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Journal { source: JournalError::Io { source, .. }, .. }
            if source.kind() == io::ErrorKind::AlreadyExists)
    }

    /// For `map_err`: names the action and the path.
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
