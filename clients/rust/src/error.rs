//! What can go wrong, by who has to know.

use std::{io, path::PathBuf};

/// Why the surroundings of this process cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable has a value that means nothing.
    #[error("{name}={value}: {expected}")]
    BadValue {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A Unix socket's path has to be under 100 bytes.
    #[error("{}: a socket's path must be under 100 bytes; set WANDBD_SOCKET to a shorter one", path.display())]
    SocketTooLong {
        /// The path.
        path: PathBuf,
    },
    /// A directory that must be private to this user is not.
    #[error("{}: {problem}; a private directory (mode 0700) of this user is needed here", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A directory cannot be made or looked at.
    #[error("{}: cannot make this directory", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// Why there is no connection to the daemon.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("no wandbd daemon listens at {}", socket.display())]
    NoDaemon {
        /// The socket.
        socket: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The directory of the socket could be somebody else's.
    #[error(transparent)]
    Directory(#[from] SettingsError),
    /// The daemon at the socket runs under another user.
    #[error("the daemon at {} belongs to user {uid}, not to this one", socket.display())]
    ForeignDaemon {
        /// The socket.
        socket: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Somebody listens but does not speak HTTP/2.
    #[error("cannot talk to the daemon at {}", socket.display())]
    Transport {
        /// The socket.
        socket: PathBuf,
        /// The reason.
        #[source]
        source: tonic::transport::Error,
    },
}

/// Why no daemon could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program does not run.
    #[error("cannot run {} start", daemon.display())]
    Spawn {
        /// The program.
        daemon: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The program ran and failed.
    #[error("`{} start` failed ({status})", daemon.display())]
    Failed {
        /// The program.
        daemon: PathBuf,
        /// How it ended.
        status: String,
    },
    /// The program did not end.
    #[error("`{} start` did not end within {limit_s} s", daemon.display())]
    Slow {
        /// The program.
        daemon: PathBuf,
        /// The limit.
        limit_s: u64,
    },
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no daemon to ask.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon does not know, or is of another version.
    #[error("the wandbd daemon does not answer ({:?}): {}", .0.code(), .0.message())]
    Failed(tonic::Status),
    /// It took too long.
    #[error("no answer from the wandbd daemon within {limit_s} s")]
    TimedOut {
        /// The limit.
        limit_s: f64,
    },
    /// The caller did not want to wait any longer.
    #[error("nobody waits for the answer of the wandbd daemon any more")]
    Interrupted,
    /// The thread that would ask cannot be had.
    #[error("the sending thread cannot be started")]
    Thread,
}

/// Why records could not be left on disk for a later daemon.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The directory is unusable.
    #[error(transparent)]
    Directory(#[from] SettingsError),
    /// A file could not be written.
    #[error("{}: cannot write what is left of the run", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// An error and what caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
