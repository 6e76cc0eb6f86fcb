//! One daemon a state directory: an exclusive lock on `<state>/lock` for as long as it lives.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Somebody else holds it.
    #[error("another daemon (pid {pid}) already serves {state}; `wandbd status` shows it")]
    Taken {
        /// As it wrote into the file.
        pid: String,
        /// The state directory.
        state: PathBuf,
    },
    /// The file cannot be used.
    #[error("cannot lock {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Held until dropped, and by nobody after a kill.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the daemon's lock and writes our pid into it.
    pub(crate) fn take(state: &Path) -> Result<Self, LockError> {
        let path = state.join("lock");
        let error = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = open(&path).map_err(error)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(error)?;
                return Err(LockError::Taken {
                    pid: pid.trim().to_owned(),
                    state: state.to_owned(),
                });
            }
            Err(errno) => return Err(error(errno.into())),
        }
        file.set_len(0).map_err(error)?;
        file.rewind().map_err(error)?;
        writeln!(file, "{}", std::process::id()).map_err(error)?;
        Ok(Self { _file: file })
    }

    /// Waits for our turn to start a daemon; blocking.
    pub(crate) fn turn(state: &Path) -> Result<Self, LockError> {
        let path = state.join("start.lock");
        let error = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let file = open(&path).map_err(error)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|errno| error(errno.into()))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_leaves_the_first_alone_and_names_it() {
        let state = tempfile::tempdir().unwrap();
        let first = Lock::take(state.path()).unwrap();

        let second = Lock::take(state.path()).unwrap_err().to_string();

        assert!(
            second.contains(&format!("(pid {})", std::process::id())),
            "{second}"
        );
        drop(first);
        Lock::take(state.path()).unwrap();
    }
}
