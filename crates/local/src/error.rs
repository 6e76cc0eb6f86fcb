//! What can go wrong while opening or running the server.

use std::path::PathBuf;

/// Why the embedded server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or folder below the data directory could not be used.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The database below the data directory could not be opened or read.
    #[error("database {path}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What `SQLite` answered.
        #[source]
        source: rusqlite::Error,
    },
    /// `rules.json` in the data directory does not hold rules.
    #[error("cannot understand {path}")]
    Rules {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The address to listen on is not a loopback address.
    #[error("refusing to listen on {0}: only loopback addresses are served")]
    NotLoopback(std::net::SocketAddr),
    /// The address could not be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The wanted address.
        address: std::net::SocketAddr,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Accepting connections failed for good.
    #[error("server stopped")]
    Serve(#[source] std::io::Error),
}

impl LocalError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Why one request could not be answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{0} not found")]
    NotFound(String),
    #[error("{0}")]
    Refused(String),
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("storage: {0}")]
    Io(#[from] std::io::Error),
    #[error("a database task ended early (bug)")]
    Task,
}

pub(crate) type StoreResult<T> = Result<T, StoreError>;
