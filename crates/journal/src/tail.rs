use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::damage::Damage;
use crate::error::JournalError;
use crate::frames::{Frame, Frames};
use crate::journal::State;
use crate::position::Position;

/// How long frames wait to be read together. Urgent ones, the end and a full read do not.
const LULL: Duration = Duration::from_millis(250);

/// Follows a journal that is being written, up to what is durable.
pub struct Tail {
    frames: Frames,
    state: watch::Receiver<State>,
    pressing: watch::Receiver<Position>,
    limit: u64,
}

impl Tail {
    pub(crate) fn new(
        frames: Frames,
        state: watch::Receiver<State>,
        pressing: watch::Receiver<Position>,
    ) -> Tail {
        Tail {
            frames,
            state,
            pressing,
            limit: 0,
        }
    }

    /// The next frame, waiting for it to become durable, and up to 250 ms longer so that small groups are read together; `None` when the journal is closed (or all its handles are gone) and all is read.
    ///
    /// Cancel-safe: a call that is dropped has taken no frame.
    ///
    /// # Errors
    /// [`JournalError::Failed`] after the last durable frame of a journal that failed; [`JournalError::Io`].
    pub async fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        loop {
            if let Some(frame) = self.try_next()? {
                return Ok(Some(frame));
            }
            let state = self.state.borrow().clone();
            if state.durable.0 > self.limit {
                continue;
            }
            if let Some(cause) = state.failed {
                let path = self.frames.path().to_owned();
                return Err(JournalError::Failed { path, cause });
            }
            if state.closed || !self.more().await {
                return Ok(None);
            }
        }
    }

    /// Waits for something worth reading; false when there will be nothing.
    async fn more(&mut self) -> bool {
        let soon = async {
            sleep(LULL).await;
            self.state.changed().await.is_ok()
        };
        tokio::select! {
            Ok(()) = self.pressing.changed() => true,
            more = soon => more,
        }
    }

    /// The next frame if it is durable now.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn try_next(&mut self) -> Result<Option<Frame>, JournalError> {
        if let Some(frame) = self.frames.frame(self.limit)? {
            return Ok(Some(frame));
        }
        let durable = self.state.borrow_and_update().durable.0;
        if durable == self.limit {
            return Ok(None);
        }
        self.limit = durable;
        self.frames.frame(self.limit)
    }

    /// What was skipped so far.
    pub fn damaged(&self) -> &[Damage] {
        self.frames.damaged()
    }
}
