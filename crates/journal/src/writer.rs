//! The writing half of a journal, shared by its handles, the committer's queue and a running sync.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::committer::Shared;
use crate::error::JournalError;
use crate::files::{OpenFile, write_all};
use crate::format::{MAX_FRAME_BYTES, encode};
use crate::journal::State;
use crate::position::Position;

/// Encode buffers above this are given back after the append.
const KEEP: usize = 64 << 10;

/// So many bytes are worth reading at once.
const PRESSING: u64 = 64 << 10;

/// One open journal.
pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn OpenFile>,
    pub(crate) committer: Arc<Shared>,
    pub(crate) state: watch::Sender<State>,
    /// Moves when a tail should not wait any longer.
    pub(crate) pressing: watch::Sender<Position>,
    writer: Mutex<Writer>,
}

struct Writer {
    /// After the last group in the page cache.
    written: Position,
    durable: Position,
    buffer: Vec<u8>,
    /// The committer has this journal: waiting for its round, or syncing.
    queued: bool,
    /// Something urgent was appended since the last sync began.
    urgent: bool,
    /// After the last urgent group.
    urgent_end: Position,
    closing: bool,
    failed: Option<Arc<JournalError>>,
}

/// What is left to do after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    No,
    NextRound,
    AtOnce,
}

impl Inner {
    pub(crate) fn new(
        path: PathBuf,
        file: Arc<dyn OpenFile>,
        committer: Arc<Shared>,
        end: Position,
    ) -> Inner {
        let writer = Writer {
            written: end,
            durable: end,
            buffer: Vec::new(),
            queued: false,
            urgent: false,
            urgent_end: end,
            closing: false,
            failed: None,
        };
        let state = State {
            durable: end,
            failed: None,
            closed: false,
        };
        Inner {
            path,
            file,
            committer,
            writer: Mutex::new(writer),
            state: watch::Sender::new(state),
            pressing: watch::Sender::new(end),
        }
    }

    /// Writes a group and queues the journal.
    pub(crate) fn append<F: AsRef<[u8]>>(
        self: &Arc<Inner>,
        frames: &[F],
        urgent: bool,
    ) -> Result<Position, JournalError> {
        let mut writer = self.writer();
        self.check(&writer, frames)?;
        match self.write(&mut writer, frames) {
            Ok(()) => {}
            Err(error @ JournalError::NotUndone { .. }) => {
                let cause = self.fail(writer, error);
                return Err(self.failed(cause));
            }
            Err(error) => return Err(error),
        }
        let position = writer.written;
        let newly = !writer.queued && writer.written > writer.durable;
        writer.queued |= newly;
        writer.urgent |= urgent && writer.queued;
        if urgent {
            writer.urgent_end = position;
        }
        drop(writer);
        if newly && !self.committer.push(Arc::clone(self), urgent) {
            let path = self.path.clone();
            let cause = self.fail(self.writer(), JournalError::Stopped { path });
            return Err(self.failed(cause));
        }
        if urgent && !newly {
            self.committer.hurry();
        }
        Ok(position)
    }

    /// Refuses further groups; the state says closed once all are durable.
    pub(crate) fn close(&self) {
        let mut writer = self.writer();
        if writer.closing || writer.failed.is_some() {
            return;
        }
        writer.closing = true;
        if writer.queued {
            writer.urgent = true;
            drop(writer);
            self.committer.hurry();
        } else {
            drop(writer);
            self.state.send_modify(|state| state.closed = true);
            self.press();
        }
    }

    /// Where the commit that begins now will bring the journal.
    pub(crate) fn begin_commit(&self) -> Position {
        let mut writer = self.writer();
        writer.urgent = false;
        writer.written
    }

    /// Blocks until the disk has everything that was written before the call.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Publishes how the commit went, and says whether more was appended meanwhile.
    pub(crate) fn end_commit(&self, reached: Position, result: io::Result<()>) -> Again {
        let mut writer = self.writer();
        if let Err(source) = result {
            let path = self.path.clone();
            self.fail(writer, JournalError::SyncFailed { path, source });
            return Again::No;
        }
        let urgent = writer.durable < writer.urgent_end && writer.urgent_end <= reached;
        writer.durable = writer.durable.max(reached);
        let again = match (writer.written > writer.durable, writer.urgent) {
            _ if writer.failed.is_some() => Again::No,
            (false, _) => Again::No,
            (true, false) => Again::NextRound,
            (true, true) => Again::AtOnce,
        };
        writer.queued = again != Again::No;
        let closed = writer.closing && !writer.queued && writer.failed.is_none();
        drop(writer);
        self.state.send_modify(|state| {
            if state.failed.is_none() {
                state.durable = state.durable.max(reached);
                state.closed |= closed;
            }
        });
        if urgent || closed || reached.0.saturating_sub(self.pressing.borrow().0) >= PRESSING {
            self.press();
        }
        again
    }

    /// Tells tails to look now.
    fn press(&self) {
        let durable = self.state.borrow().durable;
        self.pressing.send_replace(durable);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check<F: AsRef<[u8]>>(&self, writer: &Writer, frames: &[F]) -> Result<(), JournalError> {
        if let Some(cause) = &writer.failed {
            return Err(self.failed(Arc::clone(cause)));
        }
        let path = || self.path.clone();
        if writer.closing {
            return Err(JournalError::Closed { path: path() });
        }
        if !self.committer.accepts() {
            return Err(JournalError::Stopped { path: path() });
        }
        let lengths = frames.iter().map(|frame| frame.as_ref().len());
        match lengths.max() {
            Some(len) if len > MAX_FRAME_BYTES => Err(JournalError::FrameTooLarge {
                len,
                limit: MAX_FRAME_BYTES,
                path: path(),
            }),
            _ => Ok(()),
        }
    }

    fn write<F: AsRef<[u8]>>(&self, writer: &mut Writer, frames: &[F]) -> Result<(), JournalError> {
        let start = writer.written.0;
        let mut end = start;
        writer.buffer.clear();
        for frame in frames {
            end = encode(&mut writer.buffer, end, frame.as_ref());
        }
        let result = write_all(self.file.as_ref(), &writer.buffer, start);
        if writer.buffer.capacity() > KEEP {
            writer.buffer = Vec::new();
        }
        let Err(write) = result else {
            writer.written = Position(end);
            return Ok(());
        };
        match self.file.set_len(start) {
            Ok(()) => Err(JournalError::io("write to", &self.path)(write)),
            Err(source) => Err(JournalError::NotUndone {
                path: self.path.clone(),
                write,
                source,
            }),
        }
    }

    /// Ends the journal's life. The first failure is the one that counts.
    fn fail(&self, mut writer: MutexGuard<'_, Writer>, error: JournalError) -> Arc<JournalError> {
        let cause = Arc::clone(writer.failed.get_or_insert_with(|| Arc::new(error)));
        drop(writer);
        self.state.send_modify(|state| {
            state.failed.get_or_insert_with(|| Arc::clone(&cause));
        });
        self.press();
        cause
    }

    /// The error for those who come after a failure.
    pub(crate) fn failed(&self, cause: Arc<JournalError>) -> JournalError {
        JournalError::Failed {
            path: self.path.clone(),
            cause,
        }
    }
}
