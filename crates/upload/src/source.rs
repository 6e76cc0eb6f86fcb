use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use wandbd_journal::{FileReader, Files, Frame, Journal, JournalError, Position, Tail};

/// Frames of a journal, in order.
#[async_trait]
pub trait Source: Send {
    /// The next frame, waiting for it; `None` when there will be no more. Cancel-safe.
    async fn next(&mut self) -> Result<Option<Frame>, JournalError>;

    /// The next frame if there is one now.
    ///
    /// # Errors
    /// What the journal says.
    fn try_next(&mut self) -> Result<Option<Frame>, JournalError>;

    /// The end of the journal as it is known now.
    fn end(&self) -> Position;
}

/// A journal that can be read from the beginning, again and again.
pub trait Feed: Send + Sync {
    /// Reads from `from`.
    ///
    /// # Errors
    /// What the journal says.
    fn open(&self, from: Position) -> Result<Box<dyn Source>, JournalError>;

    /// Nobody will write to it any more: when it ends without an exit record, the run was cut off.
    fn finished(&self) -> bool;
}

/// A journal that this daemon writes.
pub struct LiveFeed {
    journal: Box<dyn Fn() -> Journal + Send + Sync>,
}

impl LiveFeed {
    /// `journal` gives the handle that is in force; another one after a [`rehome`](wandbd_journal::rehome).
    pub fn new(journal: impl Fn() -> Journal + Send + Sync + 'static) -> LiveFeed {
        LiveFeed {
            journal: Box::new(journal),
        }
    }
}

impl Feed for LiveFeed {
    fn open(&self, from: Position) -> Result<Box<dyn Source>, JournalError> {
        let journal = (self.journal)();
        let tail = journal.tail(from)?;
        let state = journal.committed();
        Ok(Box::new(Live { tail, state }))
    }

    fn finished(&self) -> bool {
        false
    }
}

struct Live {
    tail: Tail,
    state: tokio::sync::watch::Receiver<wandbd_journal::State>,
}

#[async_trait]
impl Source for Live {
    async fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        self.tail.next().await
    }

    fn try_next(&mut self) -> Result<Option<Frame>, JournalError> {
        self.tail.try_next()
    }

    fn end(&self) -> Position {
        self.state.borrow().durable
    }
}

/// A file that nobody writes to any more.
pub struct FileFeed {
    files: Arc<dyn Files>,
    path: PathBuf,
}

impl FileFeed {
    /// The journal at `path`.
    pub fn new(files: Arc<dyn Files>, path: &Path) -> FileFeed {
        FileFeed {
            files,
            path: path.to_owned(),
        }
    }
}

impl Feed for FileFeed {
    fn open(&self, from: Position) -> Result<Box<dyn Source>, JournalError> {
        let reader = FileReader::open(self.files.as_ref(), &self.path, from)?;
        let size = self
            .files
            .open_read(&self.path)
            .and_then(|file| file.size());
        let end = Position(size.unwrap_or_default());
        Ok(Box::new(Whole { reader, end }))
    }

    fn finished(&self) -> bool {
        true
    }
}

struct Whole {
    reader: FileReader,
    end: Position,
}

#[async_trait]
impl Source for Whole {
    async fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        self.reader.next_frame()
    }

    fn try_next(&mut self) -> Result<Option<Frame>, JournalError> {
        self.reader.next_frame()
    }

    fn end(&self) -> Position {
        self.end
    }
}

/// How often a file that somebody else writes is looked at.
const FOLLOW: Duration = Duration::from_secs(1);

/// A file that somebody else is still writing.
#[derive(Clone)]
pub struct FollowFeed {
    files: Arc<dyn Files>,
    path: PathBuf,
    finished: Arc<AtomicBool>,
}

impl FollowFeed {
    /// The journal at `path`.
    pub fn new(files: Arc<dyn Files>, path: &Path) -> FollowFeed {
        FollowFeed {
            files,
            path: path.to_owned(),
            finished: Arc::default(),
        }
    }

    /// Nobody writes to it any more: what is there is the whole of it.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}

impl Feed for FollowFeed {
    fn open(&self, from: Position) -> Result<Box<dyn Source>, JournalError> {
        let reader = FileReader::open(self.files.as_ref(), &self.path, from)?;
        Ok(Box::new(Growing {
            reader,
            feed: self.clone(),
            end: from,
        }))
    }

    fn finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }
}

struct Growing {
    reader: FileReader,
    feed: FollowFeed,
    end: Position,
}

#[async_trait]
impl Source for Growing {
    async fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        loop {
            // Asked before reading: what was written before the end is not missed.
            let finished = self.feed.finished();
            let frame = self.try_next()?;
            if frame.is_some() || finished {
                return Ok(frame);
            }
            sleep(FOLLOW).await;
        }
    }

    fn try_next(&mut self) -> Result<Option<Frame>, JournalError> {
        let frame = self.reader.next_frame()?;
        if let Some(frame) = &frame {
            self.end = frame.end;
        }
        Ok(frame)
    }

    fn end(&self) -> Position {
        self.end
    }
}
