//! Contents of files on disk, named by their MD5: `blobs/<2 hex>/<32 hex>`.
//!
//! An upload is written to `incoming/` while its MD5 is computed, synced, and renamed into place inside the database
//! transaction that links it, so that a blob that is linked is always complete and one that is not is never half there.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;

use crate::error::{LocalError, StoreError, StoreResult};
use crate::secret::random_hex;
use crate::sign::hex;

/// Where contents lie. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    root: PathBuf,
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
        })
    }

    /// Where a blob lies.
    pub(crate) fn path(&self, blob: &str) -> PathBuf {
        let shard = blob.get(..2).unwrap_or("xx");
        self.root.join("blobs").join(shard).join(blob)
    }

    /// Writes a body to disk, synced; memory holds one chunk at a time.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
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
        file.sync_all().await?;
        incoming.md5 = hash.finalize().into();
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

    /// Removes a blob that nothing links any more. Call it with the writer's transaction open.
    pub(crate) fn remove(&self, blob: &str) -> StoreResult<()> {
        match fs::remove_file(self.path(blob)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
