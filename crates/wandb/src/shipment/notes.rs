//! What is up already of files that go up in parts, on disk: a daemon that was killed goes on with the parts that are missing.
//!
//! The notes hold signed addresses, so only their owner may read them. They are a hint: what cannot be read or does not fit is not used,
//! and an address that has run out costs sending that file again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::parts::Multipart;

/// The notes of one version.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Notes {
    server: String,
    artifact: String,
    files: BTreeMap<String, Upload>,
}

/// An upload in parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) part_bytes: u64,
    pub(super) storage_path: String,
    pub(super) headers: Vec<String>,
    pub(super) birth: Option<String>,
    pub(super) target: Multipart,
    /// Hexadecimal MD5 of each part.
    pub(super) md5s: Vec<String>,
    /// Numbers of parts that are up, with their tags.
    pub(super) done: BTreeMap<u64, String>,
    /// All is up and put together.
    pub(super) complete: bool,
}

/// Keeps the notes.
pub(super) struct Notebook {
    path: PathBuf,
    notes: Mutex<Notes>,
}

impl Notebook {
    /// Reads what was noted of this version on this server.
    pub(super) async fn open(path: &Path, server: &str, artifact: &str) -> Notebook {
        let file = path.to_owned();
        let read = spawn_blocking(move || std::fs::read(file)).await;
        let read = read.ok().and_then(Result::ok).unwrap_or_default();
        let notes: Notes = serde_json::from_slice(&read).unwrap_or_default();
        let fits = notes.server == server && notes.artifact == artifact;
        Notebook {
            path: path.to_owned(),
            notes: Mutex::new(if fits {
                notes
            } else {
                Notes {
                    server: server.to_owned(),
                    artifact: artifact.to_owned(),
                    files: BTreeMap::new(),
                }
            }),
        }
    }

    /// What was noted of a file, if it is still this one.
    pub(super) async fn find(&self, path: &str, digest: &str, size: u64) -> Option<Upload> {
        let notes = self.notes.lock().await;
        let upload = notes.files.get(path)?;
        (upload.digest == digest && upload.size == size).then(|| upload.clone())
    }

    /// An upload has begun.
    pub(super) async fn begin(&self, path: &str, upload: Upload) {
        let mut notes = self.notes.lock().await;
        notes.files.insert(path.to_owned(), upload);
        self.save(&notes).await;
    }

    /// A part is up.
    pub(super) async fn part(&self, path: &str, number: u64, tag: &str) {
        let mut notes = self.notes.lock().await;
        if let Some(upload) = notes.files.get_mut(path) {
            upload.done.insert(number, tag.to_owned());
        }
        self.save(&notes).await;
    }

    /// All parts are up and put together.
    pub(super) async fn complete(&self, path: &str) {
        let mut notes = self.notes.lock().await;
        if let Some(upload) = notes.files.get_mut(path) {
            upload.complete = true;
        }
        self.save(&notes).await;
    }

    /// What was noted is worth nothing any more.
    pub(super) async fn forget(&self, path: &str) {
        let mut notes = self.notes.lock().await;
        if notes.files.remove(path).is_some() {
            self.save(&notes).await;
        }
    }

    /// A failure costs sending parts again after a restart, no more.
    async fn save(&self, notes: &Notes) {
        if self.path.as_os_str().is_empty() {
            return; // nobody wants to go on with it
        }
        let path = self.path.clone();
        let text = serde_json::to_vec(notes);
        let saved = spawn_blocking(move || write(&path, &text?)).await;
        if let Err(error) = saved.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!(path = %self.path.display(), %error, "an upload in parts is not noted");
        }
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Upload {
        Upload {
            digest: "d".into(),
            size: 7,
            part_bytes: 5,
            storage_path: "s".into(),
            headers: Vec::new(),
            birth: None,
            target: Multipart::default(),
            md5s: vec!["a".into(), "b".into()],
            done: BTreeMap::new(),
            complete: false,
        }
    }

    #[tokio::test]
    async fn what_is_up_is_known_after_a_restart_and_only_for_this_file_and_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parts/a.json");
        let before = Notebook::open(&path, "http://h", "A").await;
        before.begin("f", upload()).await;
        before.part("f", 1, "\"tag\"").await;

        let after = Notebook::open(&path, "http://h", "A").await;
        let found = after.find("f", "d", 7).await.unwrap();
        assert_eq!(found.done, BTreeMap::from([(1, "\"tag\"".to_owned())]));
        assert!(after.find("f", "other", 7).await.is_none());
        let elsewhere = Notebook::open(&path, "http://other", "A").await;
        assert!(elsewhere.find("f", "d", 7).await.is_none());

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        after.forget("f").await;
        let again = Notebook::open(&path, "http://h", "A").await;
        assert!(again.find("f", "d", 7).await.is_none());
    }

    #[tokio::test]
    async fn torn_notes_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{\"server\": \"http:").unwrap();

        let notes = Notebook::open(&path, "http://h", "A").await;

        assert!(notes.find("f", "d", 7).await.is_none());
    }
}
