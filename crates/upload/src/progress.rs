use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use wandbd_run::Opened;

use crate::artifacts::Fate;

/// In one word, how an upload is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// The run goes on and uploads flow.
    #[default]
    Live,
    /// The run has ended and is being delivered.
    Finishing,
    /// Something failed and will be tried again by itself.
    Waiting,
    /// Somebody has to do something.
    Parked,
    /// The destination has everything.
    Delivered,
}

/// How far a run is delivered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// In one word.
    pub state: State,
    /// Why it waits or is parked; else empty.
    pub cause: String,
    /// History rows accepted.
    pub rows_delivered: u64,
    /// The journal position that is accepted, in bytes.
    pub position: u64,
    /// Bytes of the journal that are not accepted yet.
    pub bytes_pending: u64,
    /// Lines that the server refused and that lie in the quarantine file.
    pub lines_quarantined: u64,
    /// Versions of artifacts that the destination does not have yet.
    pub artifacts_waiting: u64,
    /// Versions that were left out for newer ones, as their policy wants.
    pub artifacts_superseded: u64,
    /// What came of artifacts, by their client ids.
    pub artifacts: Arc<BTreeMap<String, Fate>>,
    /// Things that were left out, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// What the destination calls the run; `None` until it has answered.
    pub opened: Option<Arc<Opened>>,
    /// The run is in a state there that `init` forbids; nothing is sent.
    pub error: Option<String>,
    /// The last refusal was one of the credentials: newer ones will help.
    pub unauthorized: bool,
    /// Somebody asked at the destination for the run to stop.
    pub stopped: bool,
}

/// For whoever started an uploader: looks at it and pokes it.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) retry: Arc<watch::Sender<u64>>,
}

impl Handle {
    /// How far it is, as it changes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Ends every wait now, also of a parked run.
    pub fn retry(&self) {
        self.retry.send_modify(|count| *count += 1);
    }
}

/// What can be held up on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Journal,
    Open,
    Post,
    Update,
    Files,
    Alerts,
    Artifacts,
}

/// The writing end of [`Progress`].
#[derive(Debug)]
pub(crate) struct Standing {
    progress: watch::Sender<Progress>,
    causes: Mutex<Causes>,
}

#[derive(Debug, Default)]
struct Causes {
    ending: bool,
    held_up: BTreeMap<Channel, (bool, String)>,
}

impl Standing {
    pub(crate) fn new() -> (Standing, watch::Receiver<Progress>) {
        let (progress, receiver) = watch::channel(Progress::default());
        let causes = Mutex::default();
        (Standing { progress, causes }, receiver)
    }

    /// `channel` does not get on.
    pub(crate) fn held_up(&self, channel: Channel, parked: bool, cause: String) {
        self.change(|causes| {
            let held_up = Some((parked, cause));
            let before = held_up
                .clone()
                .and_then(|now| causes.held_up.insert(channel, now));
            before != held_up
        });
    }

    /// `channel` gets on.
    pub(crate) fn flows(&self, channel: Channel) {
        self.change(|causes| causes.held_up.remove(&channel).is_some());
    }

    /// The run has ended.
    pub(crate) fn ends(&self) {
        self.change(|causes| !std::mem::replace(&mut causes.ending, true));
    }

    fn change(&self, change: impl FnOnce(&mut Causes) -> bool) {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        if !change(&mut causes) {
            return;
        }
        let worst = causes.held_up.values().max_by_key(|(parked, _)| *parked);
        let (state, cause) = match worst {
            Some((true, cause)) => (State::Parked, cause.clone()),
            Some((false, cause)) => (State::Waiting, cause.clone()),
            None if causes.ending => (State::Finishing, String::new()),
            None => (State::Live, String::new()),
        };
        self.progress.send_modify(|progress| {
            progress.state = state;
            progress.cause = cause;
        });
    }

    /// Changes anything but the state; whoever watches is woken only if `change` says that something did change.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress) -> bool) {
        self.progress.send_if_modified(change);
    }

    /// The credentials are refused, or not any more.
    pub(crate) fn unauthorized(&self, refused: bool) {
        self.update(|progress| std::mem::replace(&mut progress.unauthorized, refused) != refused);
    }

    /// The destination has the run in a state that `init` forbids.
    pub(crate) fn forbidden(&self, cause: &str) {
        self.progress.send_modify(|progress| {
            progress.state = State::Parked;
            cause.clone_into(&mut progress.cause);
            progress.error = Some(cause.to_owned());
        });
    }

    /// The run is open there, as `opened` says.
    pub(crate) fn opened(&self, opened: &Arc<Opened>) {
        self.progress.send_modify(|progress| {
            progress.opened = Some(Arc::clone(opened));
            progress.error = None;
        });
    }

    /// Everything has arrived.
    pub(crate) fn delivered(&self) {
        self.progress.send_modify(|progress| {
            progress.state = State::Delivered;
            progress.cause = String::new();
            progress.bytes_pending = 0;
        });
    }

    /// Something was left out.
    pub(crate) fn skipped(&self, reason: &'static str) {
        self.progress
            .send_modify(|progress| *progress.skipped.entry(reason).or_default() += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_channel_outweighs_a_waiting_one_and_both_clear() {
        let (standing, progress) = Standing::new();

        standing.held_up(Channel::Post, true, "deleted".into());
        standing.held_up(Channel::Files, false, "busy".into());
        assert_eq!(progress.borrow().state, State::Parked);
        assert_eq!(progress.borrow().cause, "deleted");

        standing.flows(Channel::Post);
        assert_eq!(progress.borrow().state, State::Waiting);
        assert_eq!(progress.borrow().cause, "busy");

        standing.ends();
        standing.flows(Channel::Files);
        assert_eq!(progress.borrow().state, State::Finishing);
        assert_eq!(progress.borrow().cause, "");
    }
}
