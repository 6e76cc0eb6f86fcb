//! Posts: when one is due, what is in it, and what its answer means.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{error, warn};

use super::{ExitFiles, Flow, Mark};
use crate::error::chain;
use crate::parcel::{Parcel, stretches};
use crate::poster::Outcome;
use crate::quarantine;

impl Flow {
    /// Nothing is left but to say that the run is complete.
    pub(super) fn may_close(&self) -> bool {
        self.exit.is_some()
            && self.exit_files == ExitFiles::There
            && self.artifacts.is_idle()
            && self.jobs.shipping.is_empty()
            && self.alerts.is_empty()
            && self.jobs.alerting.is_none()
            && self.config_due.is_none()
            && self.jobs.updating.is_none()
    }

    pub(super) fn post_due(&self) -> Option<Instant> {
        if self.catching_up() {
            return None;
        }
        let now = Instant::now();
        let pace = &self.parts.poster.pace;
        let last = self.parts.poster.last();
        let after = |gap| last.map_or(now, |last| last + gap);
        if self.full() || self.may_close() || !self.posted || self.batch.preempting {
            return Some(after(pace.min_gap));
        }
        if self.batch.is_empty() && self.uploaded.is_empty() {
            return Some(after(pace.heartbeat));
        }
        // At the end files and artifacts get a moment to arrive, so that what is left needs one post, not two.
        Some(match self.exit {
            Some((_, exit)) => after(pace.min_gap).max(exit + pace.min_gap),
            None => after(pace.interval),
        })
    }

    pub(super) fn start_post(&mut self) {
        let complete = self.exit.map(|(code, _)| code);
        let complete = complete.filter(|_| self.may_close());
        let last = complete.is_some();
        let batch = std::mem::take(&mut self.batch);
        let uploaded = std::mem::take(&mut self.uploaded);
        let opened = &self.parts.opened;
        let (history, events) = self.sealed;
        self.sealed.0 += batch.history.len() as u64;
        self.sealed.1 += batch.events.len() as u64;
        let parcel = Parcel {
            history: Arc::new(batch.history),
            history_offset: opened.history_base + history,
            events: Arc::new(batch.events),
            events_offset: opened.events_base + events,
            console: stretches(batch.console),
            summary: batch.summary.then(|| self.lines.summary_json().into()),
            uploaded: uploaded.keys().cloned().collect(),
            preempting: batch.preempting,
            complete: complete.filter(|_| self.writer.finishes),
        };
        self.in_flight = Some(Mark {
            position: self.position,
            history: self.sealed.0,
            events: self.sealed.1,
            uploaded,
            complete: last,
        });
        self.posted = true;
        let poster = Arc::clone(&self.parts.poster);
        self.jobs.posting = Some(Box::pin(async move { poster.deliver(parcel).await }));
    }

    /// Moves the cursor; true when the end of the run is accepted.
    pub(super) async fn post_accepted(&mut self, outcome: Outcome) -> bool {
        let Some(mark) = self.in_flight.take() else {
            return false;
        };
        if outcome.stopped {
            let standing = &self.parts.courier.standing;
            standing.update(|progress| !std::mem::replace(&mut progress.stopped, true));
        }
        if !outcome.refused.is_empty() {
            self.cursor.quarantined += outcome.refused.len() as u64;
            if let Err(error) = quarantine::keep(&self.parts.journal, outcome.refused).await {
                error!(run = %self.parts.courier.name, error = %chain(&error), "refused lines are not kept");
            }
        }
        self.cursor.position = self.cursor.position.max(mark.position.0);
        self.cursor.history = mark.history;
        self.cursor.events = mark.events;
        self.cursor.posts += 1;
        self.cursor.files.extend(mark.uploaded);
        self.cursor.completed = mark.complete;
        self.save().await;
        mark.complete
    }

    /// Saves the cursor. A failure costs sending things again after a restart, no more.
    pub(super) async fn save(&mut self) {
        if let Err(error) = self.parts.notebook.save(&self.cursor).await {
            warn!(run = %self.parts.courier.name, error = %chain(&error), "the cursor is not saved");
        }
    }
}
