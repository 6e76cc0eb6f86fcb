//! What the calling threads and the sender share of one session.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError},
    time::{Duration, Instant},
};

use prost::Message as _;
use tokio::sync::Notify;
use wandbd_proto::v1;

use crate::{
    finish::Outcome, hub::Link, interrupt, messages, parts::Parts, recent::Recent, steps::Steps,
    window::Window,
};

/// How often a waiting caller is given the chance to leave.
const POLL: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Records may come.
    Open,
    /// Everything is said: good-bye after the last ack.
    Leaving,
    /// Nothing is sent any more.
    Closed,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Done,
    TimedOut,
    Interrupted,
}

#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts, not states of one thing"
)]
pub(crate) struct Shared {
    pub(crate) window: Window,
    pub(crate) steps: Steps,
    pub(crate) recent: Recent,
    pub(crate) phase: Phase,
    /// `finish` was called: no more records.
    pub(crate) finishing: bool,
    /// Nothing of the run is wanted any more.
    pub(crate) abandoned: bool,
    /// The user knows that the window was full.
    pub(crate) told_full: bool,
    /// The user knows that console text was dropped.
    pub(crate) told_text: bool,
    /// The sender waits without a limit: the next record has to wake it.
    pub(crate) asleep: bool,
    /// Somebody waits for an ack: no back-off now.
    pub(crate) hurry: bool,
    pub(crate) connected: bool,
    pub(crate) connections: u64,
    pub(crate) refused: u64,
    /// Why the daemon does not take this session.
    pub(crate) session_refused: Option<String>,
    pub(crate) stopped: bool,
    pub(crate) run: Option<v1::Run>,
    pub(crate) lost_rows: u64,
    /// What the daemon is doing before it can acknowledge more.
    pub(crate) busy: Option<String>,
    /// How many times it has said so.
    pub(crate) busy_count: u64,
    /// What `finish` came to.
    pub(crate) outcome: Option<Outcome>,
    /// Callers in [`Core::wait`].
    waiting: u32,
}

pub(crate) struct Core {
    pub(crate) session: String,
    pub(crate) owner: bool,
    pub(crate) link: Arc<Link>,
    hello: v1::Hello,
    started: Once,
    shared: Mutex<Shared>,
    changed: Condvar,
    /// Wakes the sender.
    pub(crate) wake: Notify,
    /// Ends the sender at once.
    pub(crate) abandon: Notify,
}

impl Core {
    pub(crate) fn new(
        session: String,
        client: String,
        role: v1::hello::Role,
        link: Arc<Link>,
    ) -> Self {
        let shared = Shared {
            window: Window::new(Arc::clone(&link.budget)),
            steps: Steps::default(),
            recent: Recent::default(),
            phase: Phase::Open,
            finishing: false,
            abandoned: false,
            told_full: false,
            told_text: false,
            asleep: false,
            hurry: false,
            connected: false,
            connections: 0,
            refused: 0,
            session_refused: None,
            stopped: false,
            run: None,
            lost_rows: 0,
            busy: None,
            busy_count: 0,
            outcome: None,
            waiting: 0,
        };
        Self {
            owner: matches!(role, v1::hello::Role::Open(_)),
            hello: v1::Hello {
                session: session.clone(),
                client,
                process: Some(crate::process::this_process()),
                role: Some(role),
            },
            session,
            link,
            started: Once::new(),
            shared: Mutex::new(shared),
            changed: Condvar::new(),
            wake: Notify::new(),
            abandon: Notify::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the sender, once.
    pub(crate) fn start(self: &Arc<Self>) {
        self.started.call_once(|| {
            crate::hub::enroll(self);
            self.link.enter();
            let (core, link) = (Arc::clone(self), Arc::clone(&self.link));
            if !crate::hub::spawn(crate::sender::publish(core, link)) {
                self.link.leave_quietly();
            }
        });
    }

    pub(crate) fn is_started(&self) -> bool {
        self.started.is_completed()
    }

    /// The first message of a connection; holds the API key.
    pub(crate) fn hello_message(&self) -> Parts {
        v1::ClientMessage {
            kind: Some(v1::client_message::Kind::Hello(self.hello.clone())),
        }
        .encode_to_vec()
        .into()
    }

    /// The session of the run's owner.
    pub(crate) fn owner_session(&self) -> &str {
        match &self.hello.role {
            Some(v1::hello::Role::Attach(owner)) => owner,
            _ => &self.session,
        }
    }

    pub(crate) fn hello(&self) -> &v1::Hello {
        &self.hello
    }

    /// Changes what is shared and tells everyone who waits.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        let mut shared = self.lock();
        let result = change(&mut shared);
        let is_awaited = shared.waiting > 0;
        drop(shared);
        if is_awaited {
            self.changed.notify_all();
        }
        result
    }

    /// Changes what is shared, then sees to it that the sender looks at once.
    pub(crate) fn urge<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        let result = self.update(|shared| {
            shared.hurry = true;
            shared.asleep = false;
            change(shared)
        });
        self.wake.notify_one();
        result
    }

    /// Waits until `done`; `poll` is called about every 50 ms and ends the wait by returning true.
    pub(crate) fn wait(
        &self,
        limit: Duration,
        poll: &mut dyn FnMut(&Core) -> bool,
        done: &mut dyn FnMut(&mut Shared) -> bool,
    ) -> Waited {
        let start = Instant::now();
        let mut shared = self.lock();
        let mut polled = start;
        loop {
            if done(&mut shared) {
                return Waited::Done;
            }
            let rest = limit.saturating_sub(start.elapsed());
            if rest.is_zero() {
                return Waited::TimedOut;
            }
            shared.waiting += 1;
            let (back, _) = self
                .changed
                .wait_timeout(shared, rest.min(POLL))
                .unwrap_or_else(PoisonError::into_inner);
            shared = back;
            shared.waiting -= 1;
            if polled.elapsed() >= POLL {
                polled = Instant::now();
                drop(shared);
                if poll(self) {
                    return Waited::Interrupted;
                }
                shared = self.lock();
            }
        }
    }

    /// One message of the daemon. False: the session is refused and over.
    pub(crate) fn receive(&self, message: v1::ServerMessage) -> bool {
        use v1::server_message::Kind;
        match message.kind {
            Some(Kind::Welcome(welcome)) => self.update(|shared| {
                shared.window.ack(welcome.acked_seq);
                shared.window.rewind();
                shared.connected = true;
                shared.hurry = false;
                shared.connections += 1;
            }),
            Some(Kind::Ack(ack)) => return self.receive_ack(&ack),
            Some(Kind::Run(run)) => self.update(|shared| {
                shared.steps.starts_at(run.starting_step);
                shared.steps.heard(run.next_step);
                shared.run = Some(run);
            }),
            None => {}
        }
        true
    }

    fn receive_ack(&self, ack: &v1::Ack) -> bool {
        for refusal in &ack.refused {
            messages::say(&refusal.reason, refusal.reason.clone());
        }
        let whole = ack.refused.iter().find(|refusal| refusal.seq == 0);
        let refused_whole = whole.map(|refusal| refusal.reason.clone());
        let is_over = refused_whole.is_some();
        let (wake, is_stop) = self.update(|shared| {
            shared.window.ack(ack.seq);
            shared.steps.heard(ack.next_step);
            shared.busy_count += u64::from(!ack.busy.is_empty());
            shared.busy = (!ack.busy.is_empty()).then(|| ack.busy.clone());
            let is_stop = ack.stop && !std::mem::replace(&mut shared.stopped, true);
            shared.refused += ack.refused.len() as u64;
            if let Some(reason) = refused_whole {
                shared.session_refused = Some(reason);
                shared.phase = Phase::Closed;
                shared.lost_rows += shared.window.discard();
            }
            // With room again, a gap may be there to tell.
            let wake = shared.window.has_unsent() && std::mem::take(&mut shared.asleep);
            (wake, is_stop && self.owner && !shared.finishing)
        });
        if wake {
            self.wake.notify_one();
        }
        if is_stop {
            interrupt::interrupt();
        }
        !is_over
    }
}

/// Says which session, and nothing of its secrets.
impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("session", &self.session)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
