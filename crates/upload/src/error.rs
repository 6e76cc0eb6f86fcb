use std::path::PathBuf;
use std::time::Duration;

use wandbd_journal::{CursorError, JournalError};

/// Any error, as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a destination did not take what it was sent. [`policy`](SendError::policy) says what to do about it.
///
/// The reasons are the server's own words and never hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection: network, DNS, TLS, or it was cut before the answer was complete.
    #[error("cannot reach the server")]
    Unreachable(#[source] BoxError),
    /// Nothing was heard for this long.
    #[error("no answer from the server within {0:?}")]
    Timeout(Duration),
    /// 429, or 503 with a wish.
    #[error("the server is busy")]
    Busy(Option<Duration>),
    /// 5xx, or another status that may pass by itself.
    #[error("the server answered {status}: {reason}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// 401, or no credentials.
    #[error("the server does not accept the credentials: {0}")]
    Unauthorized(String),
    /// 403.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// 404 or 410.
    #[error("the server does not know it ({status}): {reason}")]
    Gone {
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// 409.
    #[error("conflict: {0}")]
    Conflict(String),
    /// 400, 413, 422, or a GraphQL error: the same again would be refused again.
    #[error("refused ({status}): {reason}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// A signed address was refused (403, 404): a fresh one may do.
    #[error("the upload address is not valid any more ({status})")]
    Expired {
        /// The HTTP status.
        status: u16,
    },
    /// The server has no place for a file.
    #[error("the server gave no upload address")]
    NoAddress,
    /// Only a person can decide, for example `resume="never"` for a run that exists.
    #[error("{0}")]
    Usage(String),
    /// A file of this machine cannot be read.
    #[error("cannot read {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why an uploader cannot work at all. What a server says is never among these.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The cursor cannot be read or written.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The journal ends without having said which run it is.
    #[error("no run in {}", .0.display())]
    NoRun(PathBuf),
    /// The uploader's blocking work was cancelled: the runtime is going down.
    #[error("the runtime is going down")]
    Shutdown,
}

impl SendError {
    /// With its causes, in one line.
    pub fn explain(&self) -> String {
        chain(self)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
