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
            if state.closed || !more(&mut self.state, &mut self.pressing).await {
                return Ok(None);
            }
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

/// Waits for something worth reading; false when there will be nothing.
async fn more(
    state: &mut watch::Receiver<State>,
    pressing: &mut watch::Receiver<Position>,
) -> bool {
    let soon = async {
        sleep(LULL).await;
        state.changed().await.is_ok()
    };
    tokio::select! {
        Ok(()) = pressing.changed() => true,
        more = soon => more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, advance};

    fn state(durable: u64) -> State {
        State {
            durable: Position(durable),
            failed: None,
            closed: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_groups_are_read_together_and_urgent_ones_at_once() {
        let (states, mut states_seen) = watch::channel(state(0));
        let (presses, mut presses_seen) = watch::channel(Position(0));
        let began = Instant::now();

        states.send_replace(state(1));
        assert!(more(&mut states_seen, &mut presses_seen).await);
        assert_eq!(began.elapsed(), LULL);

        let press = async {
            advance(Duration::from_millis(1)).await;
            states.send_replace(state(2));
            presses.send_replace(Position(2));
        };
        let (found, ()) = tokio::join!(more(&mut states_seen, &mut presses_seen), press);
        assert!(found);
        assert!(began.elapsed() < 2 * LULL, "the tail has not slept again");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_more_comes_when_the_writer_is_gone() {
        let (states, mut states_seen) = watch::channel(state(0));
        let (presses, mut presses_seen) = watch::channel(Position(0));
        drop((states, presses));

        assert!(!more(&mut states_seen, &mut presses_seen).await);
    }
}
