//! Empty or short files beside a journal that outlive the daemon.
//!
//! | file | means |
//! |---|---|
//! | `<journal>.nokey` | it was opened without a key: after a day only a person sends it |
//! | `<journal>.forbidden` | the server had the run in a state that `init` forbids; holds the cause, nothing is sent |
//! | `<journal>.synced` | delivered (`wandbd_ingest::synced_mark`) |

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

const NO_KEY: &str = "nokey";
const FORBIDDEN: &str = "forbidden";

fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// The server has answered once; what it said lies beside the journal.
pub(crate) fn opened(journal: &Path) -> bool {
    beside(journal, "opened").exists()
}

/// Why nothing of this run is sent, if so.
pub(crate) fn forbidden(journal: &Path) -> Option<String> {
    fs::read_to_string(beside(journal, FORBIDDEN)).ok()
}

pub(crate) fn forbid(journal: &Path, cause: &str) {
    write(&beside(journal, FORBIDDEN), cause);
}

pub(crate) fn no_key(journal: &Path) {
    let path = beside(journal, NO_KEY);
    if !path.exists() {
        write(&path, "");
    }
}

/// It had no key when it was opened, and has not been to the server yet.
pub(crate) fn had_no_key(journal: &Path) -> bool {
    beside(journal, NO_KEY).exists()
}

/// The server has taken it.
pub(crate) fn had_key(journal: &Path) {
    remove(&beside(journal, NO_KEY));
}

/// A person has decided.
pub(crate) fn forget(journal: &Path) {
    remove(&beside(journal, NO_KEY));
    remove(&beside(journal, FORBIDDEN));
}

/// A mark that cannot be written costs a question to the server more, after a restart.
fn write(path: &Path, text: &str) {
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    if let Err(error) = written {
        tracing::warn!(path = %path.display(), %error, "mark not written");
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "mark not removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_until_a_person_decides() {
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("run-1.wandb");

        no_key(&journal);
        forbid(&journal, "the run exists");
        assert!(had_no_key(&journal));
        assert_eq!(forbidden(&journal).as_deref(), Some("the run exists"));

        forget(&journal);
        assert!(!had_no_key(&journal));
        assert_eq!(forbidden(&journal), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
