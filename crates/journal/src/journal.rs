use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::committer::Committer;
use crate::error::JournalError;
use crate::files::{OpenFile, parent, write_all};
use crate::format::HEADER;
use crate::frames::Frames;
use crate::position::Position;
use crate::scan::Scan;
use crate::tail::Tail;
use crate::writer::Inner;

/// How soon a group is to become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// With the next round, within 20 ms on a disk that keeps up.
    Normal,
    /// At once.
    Now,
}

/// How a journal stands. `durable` only grows, and never again once `failed` is set; `failed` and `closed` stay.
#[derive(Debug, Clone)]
pub struct State {
    /// Everything before this survives a power cut.
    pub durable: Position,
    /// Why nothing more will become durable.
    pub failed: Option<Arc<JournalError>>,
    /// Closed, and everything that was appended is durable.
    pub closed: bool,
}

/// A handle to an open journal; clones are the same journal. One writer per file is the caller's duty.
///
/// When the last handle goes without [`close`](Journal::close), what was appended is still committed, and tails end after it.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

impl Journal {
    /// Makes a new file (0600) with its header, and the directories above it (0700). Blocking; when it returns the file survives a power cut.
    ///
    /// # Errors
    /// [`JournalError::Io`], also when the file exists already.
    pub fn create(committer: &Committer, path: &Path) -> Result<Journal, JournalError> {
        let files = committer.files();
        let dir = parent(path);
        files
            .create_dirs(dir)
            .map_err(JournalError::io("make the directory", dir))?;
        let file = files
            .create_new(path)
            .map_err(JournalError::io("create", path))?;
        write_all(file.as_ref(), &HEADER, 0).map_err(JournalError::io("write to", path))?;
        file.sync_data().map_err(JournalError::io("sync", path))?;
        files
            .sync_dir(dir)
            .map_err(JournalError::io("sync the directory", dir))?;
        Ok(Journal::open(committer, path, file, Position::START))
    }

    /// Goes on where `scan` says the last whole group ends, cutting away what follows. Blocking; makes everything before durable.
    ///
    /// # Errors
    /// As [`resume_at`](Journal::resume_at).
    pub fn resume(
        committer: &Committer,
        path: &Path,
        scan: &Scan,
    ) -> Result<Journal, JournalError> {
        Journal::go_on(committer, path, scan.end, !scan.header_ok)
    }

    /// Goes on at a position that is known to end a group, for example after [`rehome`](crate::rehome()). Blocking.
    ///
    /// # Errors
    /// [`JournalError::BeyondEnd`] when the file is shorter, [`JournalError::SyncFailed`] when what it holds cannot be made durable,
    /// [`JournalError::Io`].
    pub fn resume_at(
        committer: &Committer,
        path: &Path,
        end: Position,
    ) -> Result<Journal, JournalError> {
        Journal::go_on(committer, path, end, false)
    }

    fn go_on(
        committer: &Committer,
        path: &Path,
        end: Position,
        mend_header: bool,
    ) -> Result<Journal, JournalError> {
        let files = committer.files();
        let file = files
            .open_write(path)
            .map_err(JournalError::io("open", path))?;
        if mend_header {
            write_all(file.as_ref(), &HEADER, 0).map_err(JournalError::io("write to", path))?;
        }
        let len = file
            .size()
            .map_err(JournalError::io("read the size of", path))?;
        if len < end.0 {
            return Err(JournalError::BeyondEnd {
                position: end,
                end: Position(len),
                path: path.to_owned(),
            });
        }
        file.set_len(end.0).map_err(JournalError::io("cut", path))?;
        file.sync_data()
            .map_err(|source| JournalError::SyncFailed {
                path: path.to_owned(),
                source,
            })?;
        let dir = parent(path);
        files
            .sync_dir(dir)
            .map_err(JournalError::io("sync the directory", dir))?;
        Ok(Journal::open(committer, path, file, end))
    }

    fn open(committer: &Committer, path: &Path, file: Arc<dyn OpenFile>, end: Position) -> Journal {
        Journal {
            inner: Arc::new(Inner::new(path.to_owned(), file, committer.shared(), end)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// True for two handles of one open journal. After a [`rehome`](crate::rehome) the new one is another: positions of groups that were
    /// not durable mean nothing in it.
    #[must_use]
    pub fn is_same(&self, other: &Journal) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Writes a group of frames into the page cache and schedules its commit; gives the position after it, for
    /// [`wait_durable`](Journal::wait_durable). No frames: nothing is written.
    ///
    /// # Errors
    /// After every error nothing of the group is in the file. [`JournalError::Io`] (a [full disk](JournalError::is_disk_full), say) and
    /// [`JournalError::FrameTooLarge`] leave the journal usable; [`JournalError::Failed`], [`JournalError::Closed`] and
    /// [`JournalError::Stopped`] are final.
    pub fn append<F: AsRef<[u8]>>(
        &self,
        frames: &[F],
        urgency: Urgency,
    ) -> Result<Position, JournalError> {
        self.inner.append(frames, urgency == Urgency::Now)
    }

    /// How far it is safe, as it changes. Do not hold a `borrow` of it for long.
    pub fn committed(&self) -> watch::Receiver<State> {
        self.inner.state.subscribe()
    }

    /// Everything before this survives a power cut.
    pub fn durable(&self) -> Position {
        self.inner.state.borrow().durable
    }

    /// Waits until everything before `position` survives a power cut.
    ///
    /// # Errors
    /// [`JournalError::Failed`], or [`JournalError::Closed`] when the journal was closed before it reached `position`.
    pub async fn wait_durable(&self, position: Position) -> Result<(), JournalError> {
        let mut state = self.committed();
        loop {
            let now = state.borrow_and_update().clone();
            if now.durable >= position {
                return Ok(());
            }
            if let Some(cause) = now.failed {
                return Err(self.inner.failed(cause));
            }
            if now.closed || state.changed().await.is_err() {
                return Err(JournalError::Closed {
                    path: self.inner.path.clone(),
                });
            }
        }
    }

    /// Follows the journal from `from`, a position after some frame or [`Position::START`].
    ///
    /// # Errors
    /// [`JournalError::BeyondEnd`] when `from` is not durable yet.
    pub fn tail(&self, from: Position) -> Result<Tail, JournalError> {
        let durable = self.durable();
        if from > durable {
            return Err(JournalError::BeyondEnd {
                position: from,
                end: durable,
                path: self.inner.path.clone(),
            });
        }
        let frames = Frames::new(Arc::clone(&self.inner.file), &self.inner.path, from);
        let pressing = self.inner.pressing.subscribe();
        Ok(Tail::new(frames, self.committed(), pressing))
    }

    /// Says that nothing more will be appended: commits at once, then tails end. Calling it again does nothing.
    pub fn close(&self) {
        self.inner.close();
    }
}
