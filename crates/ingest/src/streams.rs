//! Which sessions hold a stream of a run, and what their coming and going means for it.

use wandbd_journal::{Journal, Position, Urgency};

use crate::{error::IngestError, glance::Seen, run_log::RunLog};

/// What is journaled of a session.
pub(crate) struct Known {
    /// Its last sequence number.
    pub(crate) seq: u64,
    /// The journal, and the position up to which it has to be durable for that.
    pub(crate) journal: Journal,
    pub(crate) position: Position,
}

impl RunLog {
    /// Counts a stream of `session`, and says what is journaled of it already.
    pub(crate) fn connect(&self, session: &str) -> Result<Known, IngestError> {
        let inner = self.fresh()?;
        *self.see().connected.entry(session.to_owned()).or_default() += 1;
        Ok(Known {
            seq: inner.memory.sessions.get(session).copied().unwrap_or(0),
            journal: inner.journal.clone(),
            position: inner.end,
        })
    }

    /// The stream of `session` is over. The open row of a worker is closed: it may never come back.
    pub(crate) fn disconnect(&self, session: &str) {
        let owner = session == self.opened().session;
        match self.fresh() {
            Ok(mut inner) => {
                let last = self.see().leave(session);
                let mut out = Vec::new();
                if last && !owner && !inner.memory.ended {
                    inner.memory.rows.end_session(session, &mut out);
                }
                if !out.is_empty()
                    && let Err(error) = self.append_group(&mut inner, out, ("", 0), Urgency::Normal)
                {
                    tracing::warn!(run = self.run_id(), %error, "open row of a worker not closed yet");
                }
            }
            Err(error) => {
                tracing::warn!(run = self.run_id(), %error, "journal not usable");
                self.see().leave(session);
            }
        }
        self.changed.notify_one();
    }

    /// Streams held now.
    pub(crate) fn sessions(&self) -> usize {
        self.see().connected.values().sum()
    }

    /// True when no session other than the owner's holds a stream, or the owner's neither if `owner_too`.
    pub(crate) fn is_quiet(&self, owner_too: bool) -> bool {
        self.see()
            .connected
            .keys()
            .all(|session| !owner_too && *session == self.opened().session)
    }

    /// True while the owner holds a stream.
    pub(crate) fn owner_is_connected(&self) -> bool {
        self.see().connected.contains_key(&self.opened().session)
    }
}

impl Seen {
    /// One stream of `session` less; true when it was the last one.
    fn leave(&mut self, session: &str) -> bool {
        let streams = self.connected.get_mut(session);
        let last = streams.is_none_or(|streams| {
            *streams = streams.saturating_sub(1);
            *streams == 0
        });
        if last {
            self.connected.remove(session);
        }
        last
    }
}
