//! Contents of files on disk, named by their MD5: `blobs/<2 hex>/<32 hex>`.
//!
//! An upload is written to `incoming/` while its MD5 is computed, synced, and renamed into place inside the database
//! transaction that links it, so that a blob that is linked is always complete and one that is not is never half there.
//!
//! Files of artifacts are not promised before their artifact is committed. They are renamed without a sync and listed as
//! *loose* in the database; the commit syncs them all at once ([`Blobs::settle`]), and reads those again that an earlier life
//! of this process left behind, because a power cut may have damaged them.
//!
//! Parts of large files lie in `parts/<upload>/<number>` until they are put together.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;

use crate::error::{LocalError, StoreError, StoreResult};
use crate::secret::random_hex;
use crate::sign::hex;

/// From so many loose blobs on, a commit syncs the whole file system instead of each of them.
const SYNC_ALL_FROM: usize = 32;

/// Loose blobs that are remembered as written by this process; beyond that, commits read blobs again.
const MOST_FRESH: usize = 1 << 20;

/// Bytes that are copied or hashed at once.
const PIECE: usize = 1 << 20;

/// Where contents lie. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    root: PathBuf,
    /// Loose blobs that this process has written.
    fresh: Arc<Mutex<HashSet<String>>>,
}

/// A complete upload that is not linked yet; removed when dropped before [`Blobs::keep`].
#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
    pub(crate) size: i64,
    pub(crate) md5: [u8; 16],
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "leftover upload stays on disk");
        }
    }
}

impl Blobs {
    /// Opens the store below `data_dir`; unfinished uploads of an earlier life are removed.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, LocalError> {
        let incoming = data_dir.join("incoming");
        if incoming.exists() {
            fs::remove_dir_all(&incoming).map_err(LocalError::io("clear", &incoming))?;
        }
        fs::create_dir_all(&incoming).map_err(LocalError::io("create", &incoming))?;
        let blobs = data_dir.join("blobs");
        fs::create_dir_all(&blobs).map_err(LocalError::io("create", &blobs))?;
        Ok(Self {
            root: data_dir.to_owned(),
            fresh: Arc::default(),
        })
    }

    /// Where a blob lies.
    pub(crate) fn path(&self, blob: &str) -> PathBuf {
        let shard = blob.get(..2).unwrap_or("xx");
        self.root.join("blobs").join(shard).join(blob)
    }

    /// Writes a body to disk, synced where `durable`; memory holds one chunk at a time.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        durable: bool,
    ) -> StoreResult<Incoming> {
        let path = self.root.join("incoming").join(random_hex(16));
        let mut file = tokio::fs::File::create(&path).await?;
        let mut incoming = Incoming {
            path,
            size: 0,
            md5: [0; 16],
        };
        let mut hash = Md5::new();
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| StoreError::Refused(format!("body ended early: {error}")))?;
            hash.update(&chunk);
            file.write_all(&chunk).await?;
            incoming.size += i64::try_from(chunk.len()).unwrap_or(0);
        }
        file.flush().await?;
        if durable {
            file.sync_all().await?;
        }
        incoming.md5 = hash.finalize().into();
        Ok(incoming)
    }

    /// Writes a whole body to disk, synced where `durable`.
    pub(crate) fn take(&self, body: &[u8], durable: bool) -> StoreResult<Incoming> {
        let path = self.root.join("incoming").join(random_hex(16));
        let mut file = fs::File::create(&path)?;
        let incoming = Incoming {
            path,
            size: i64::try_from(body.len()).unwrap_or(i64::MAX),
            md5: Md5::digest(body).into(),
        };
        file.write_all(body)?;
        if durable {
            file.sync_all()?;
        }
        Ok(incoming)
    }

    /// Moves an upload into place and returns its name. Call it with the writer's transaction open.
    pub(crate) fn keep(&self, incoming: &Incoming) -> StoreResult<String> {
        let name = hex(&incoming.md5);
        let path = self.path(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            fs::rename(&incoming.path, &path)?;
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(name)
    }

    /// Moves an unsynced upload into place, unless the same content lies there and is sound. `loose` says whether the database
    /// lists it as loose. Returns its name and whether it has to be listed as loose now.
    pub(crate) fn keep_loose(
        &self,
        incoming: &Incoming,
        loose: bool,
    ) -> StoreResult<(String, bool)> {
        let name = hex(&incoming.md5);
        let path = self.path(&name);
        let sound = !loose || lock(&self.fresh).contains(&name);
        if sound && path.exists() {
            return Ok((name, false));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&incoming.path, &path)?;
        let mut fresh = lock(&self.fresh);
        if fresh.len() >= MOST_FRESH {
            fresh.clear();
        }
        fresh.insert(name.clone());
        Ok((name, true))
    }

    /// Brings loose blobs to the disk. Returns those that turned out to be damaged.
    pub(crate) fn settle(&self, loose: &[String]) -> StoreResult<Vec<String>> {
        let mut damaged = Vec::new();
        for blob in loose {
            if !lock(&self.fresh).contains(blob) && !self.is_whole(blob)? {
                damaged.push(blob.clone());
            }
        }
        if loose.len() >= SYNC_ALL_FROM && sync_file_system(&self.root.join("blobs"))? {
            return Ok(damaged);
        }
        let mut folders = HashSet::new();
        for blob in loose.iter().filter(|blob| !damaged.contains(blob)) {
            let path = self.path(blob);
            fs::File::open(&path)?.sync_all()?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        for folder in folders {
            fs::File::open(folder)?.sync_all()?;
        }
        fs::File::open(self.root.join("blobs"))?.sync_all()?;
        Ok(damaged)
    }

    /// Forgets blobs that are not loose any more.
    pub(crate) fn forget(&self, settled: &[String]) {
        let mut fresh = lock(&self.fresh);
        for blob in settled {
            fresh.remove(blob);
        }
    }

    /// Whether a blob has the content that its name says.
    fn is_whole(&self, blob: &str) -> StoreResult<bool> {
        let mut file = match fs::File::open(self.path(blob)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut hash = Md5::new();
        let mut piece = vec![0; PIECE];
        loop {
            let count = file.read(&mut piece)?;
            if count == 0 {
                return Ok(hex(&hash.finalize()) == blob);
            }
            hash.update(piece.get(..count).unwrap_or_default());
        }
    }

    /// Where a part of an upload lies.
    fn part(&self, upload: &str, number: i64) -> PathBuf {
        self.root
            .join("parts")
            .join(upload)
            .join(number.to_string())
    }

    /// Moves a synced part into place.
    pub(crate) fn keep_part(
        &self,
        incoming: &Incoming,
        upload: &str,
        number: i64,
    ) -> StoreResult<()> {
        let path = self.part(upload, number);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            fs::rename(&incoming.path, &path)?;
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Puts the parts 1 to `count` together, synced.
    pub(crate) fn join(&self, upload: &str, count: i64) -> StoreResult<Incoming> {
        let path = self.root.join("incoming").join(random_hex(16));
        let mut whole = fs::File::create(&path)?;
        let mut incoming = Incoming {
            path,
            size: 0,
            md5: [0; 16],
        };
        let mut hash = Md5::new();
        let mut piece = vec![0; PIECE];
        for number in 1..=count {
            let mut part = fs::File::open(self.part(upload, number))?;
            loop {
                let read = part.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                let bytes = piece.get(..read).unwrap_or_default();
                hash.update(bytes);
                whole.write_all(bytes)?;
                incoming.size += i64::try_from(read).unwrap_or(0);
            }
        }
        whole.sync_all()?;
        incoming.md5 = hash.finalize().into();
        Ok(incoming)
    }

    /// Names of the uploads that have parts here.
    pub(crate) fn uploads(&self) -> StoreResult<Vec<String>> {
        let mut names = Vec::new();
        match fs::read_dir(self.root.join("parts")) {
            Ok(folders) => {
                for folder in folders {
                    names.push(folder?.file_name().to_string_lossy().into_owned());
                }
                Ok(names)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(names),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the parts of an upload that has ended.
    pub(crate) fn drop_parts(&self, upload: &str) -> StoreResult<()> {
        match fs::remove_dir_all(self.root.join("parts").join(upload)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes a blob that nothing links any more. Call it with the writer's transaction open.
    pub(crate) fn remove(&self, blob: &str) -> StoreResult<()> {
        match fs::remove_file(self.path(blob)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Syncs the file system that holds `folder`; false where the system has no such call.
#[cfg(target_os = "linux")]
fn sync_file_system(folder: &Path) -> StoreResult<bool> {
    rustix::fs::syncfs(fs::File::open(folder)?).map_err(std::io::Error::from)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> StoreResult<bool> {
    Ok(false)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
