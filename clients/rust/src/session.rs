//! One process taking part in one run: the public face of the library.

use std::{fmt, sync::Arc};

use uuid::Uuid;
use wandbd_proto::v1::{self, hello::Role};

use crate::{
    Fields, RowHead, Settings, clock,
    core::{Core, Phase, Shared},
    fork::PerProcess,
    hub, messages,
    window::{Class, Pushed, RECORD_MAX},
};

/// Counters of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Records taken in.
    pub records: u64,
    /// Of these, acknowledged.
    pub acked: u64,
    /// Rows that found the window full.
    pub dropped_rows: u64,
    /// Other records that found the window full.
    pub dropped_records: u64,
    /// Bytes of un-acknowledged records, of all sessions of this process.
    pub window_bytes: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Records that the daemon refused.
    pub refused: u64,
    /// Whether there is a connection now.
    pub connected: bool,
}

/// One process taking part in one run. Keeps working after a fork: the child attaches to the same run.
pub struct Session {
    pub(crate) settings: Settings,
    client: String,
    run_id: String,
    owner: String,
    core: PerProcess<Arc<Core>>,
}

impl Session {
    /// Owns a new run. Returns at once; the sender's thread does the rest. `client` is for example `wandbd-python/0.1.0`.
    pub fn open(settings: Settings, client: &str, run: v1::OpenRun) -> Self {
        let session = Uuid::now_v7().to_string();
        let run_id = run.run_id.clone();
        let link = hub::link(&settings);
        let core = Arc::new(Core::new(
            session.clone(),
            client.to_owned(),
            Role::Open(run),
            link,
        ));
        core.start();
        Self {
            settings,
            client: client.to_owned(),
            run_id,
            owner: session,
            core: PerProcess::new(core),
        }
    }

    /// Takes part in the run whose owner has the session `owner`. Connects with the first record.
    pub fn attach(settings: Settings, client: &str, owner: &str, run_id: &str) -> Self {
        crate::fork::install();
        Self {
            settings,
            client: client.to_owned(),
            run_id: run_id.to_owned(),
            owner: owner.to_owned(),
            core: PerProcess::empty(),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        self.core.get_or_init(|| {
            Arc::new(Core::new(
                Uuid::now_v7().to_string(),
                self.client.clone(),
                Role::Attach(self.owner.clone()),
                hub::link(&self.settings),
            ))
        })
    }

    /// The owner's session.
    pub fn owner_session(&self) -> &str {
        &self.owner
    }

    /// This process's own session.
    pub fn own_session(&self) -> &str {
        &self.core().session
    }

    /// Whether this process opened the run.
    pub fn is_owner(&self) -> bool {
        self.core().owner
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// How the daemon is found.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The step that the next row without one would get.
    pub fn step(&self) -> i64 {
        self.core().lock().steps.next()
    }

    /// Whether the owner asked on the run's page to stop.
    pub fn is_stopped(&self) -> bool {
        self.core().lock().stopped
    }

    /// Adds to the history row of `step`. Never waits, never fails: a full window drops and counts.
    pub fn log(&self, step: Option<i64>, commit: Option<bool>, fields: &Fields) {
        let timestamp = clock::now();
        self.say(Class::Row, |shared| {
            let head = shared.steps.count(step, commit, timestamp);
            push_row(shared, &head, fields)
        });
    }

    /// The first half of [`Session::log`]: counts the step and takes the time, for a row whose values come later.
    pub fn begin_row(&self, step: Option<i64>, commit: Option<bool>) -> RowHead {
        let timestamp = clock::now();
        self.core().lock().steps.count(step, commit, timestamp)
    }

    /// The second half.
    pub fn end_row(&self, head: &RowHead, fields: &Fields) {
        self.say(Class::Row, |shared| push_row(shared, head, fields));
    }

    /// Puts something into the window, and wakes the sender if it sleeps or has a full chunk. Returns whether it was taken in.
    pub(crate) fn say(&self, class: Class, push: impl FnOnce(&mut Shared) -> Pushed) -> bool {
        let core = self.core();
        let (pushed, is_told, wake) = {
            let mut shared = core.lock();
            if shared.finishing || shared.phase != Phase::Open {
                let is_refused = shared.session_refused.is_some();
                drop(shared);
                // What a program still prints after the end is nobody's mistake.
                if !is_refused && class != Class::Text {
                    self.complain_finished();
                }
                return false;
            }
            let had_sealed = shared.window.has_sealed();
            let pushed = push(&mut shared);
            let told = match class {
                Class::Text => &mut shared.told_text,
                Class::Row | Class::Media | Class::Kept => &mut shared.told_full,
            };
            let is_told = pushed == Pushed::Full && std::mem::replace(told, true);
            let is_full = !had_sealed && shared.window.has_sealed() && shared.connected;
            (
                pushed,
                is_told,
                std::mem::take(&mut shared.asleep) || is_full,
            )
        };
        core.start();
        if wake {
            core.wake.notify_one();
        }
        if pushed != Pushed::Stored && !is_told {
            self.complain(class, pushed);
        }
        pushed == Pushed::Stored
    }

    fn complain_finished(&self) {
        messages::say(
            &format!("finished {}", self.run_id),
            format!(
                "run {} is finished: what is logged after that is ignored",
                self.run_id
            ),
        );
    }

    fn complain(&self, class: Class, pushed: Pushed) {
        match pushed {
            Pushed::Stored => {}
            Pushed::Full if class == Class::Text => messages::say(
                "full of text",
                "too many records wait for the wandbd daemon: what is printed from now on may be missing from the run's console",
            ),
            Pushed::Full => messages::say(
                "full",
                format!(
                    "{} MiB of records wait for the wandbd daemon and no more are kept (WANDBD_BUFFER_BYTES): new rows are dropped and counted until it takes some",
                    self.settings.buffer_bytes >> 20
                ),
            ),
            Pushed::TooLarge => messages::say(
                "large",
                format!(
                    "a record over {} MiB was dropped: log large things as files or artifacts",
                    RECORD_MAX >> 20
                ),
            ),
        }
    }
}

fn push_row(shared: &mut Shared, head: &RowHead, fields: &Fields) -> Pushed {
    shared.recent.note(fields.shape(), fields.bytes());
    shared.window.push_row(head, fields.bytes())
}

/// Says which run, and nothing of its secrets.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("run_id", &self.run_id)
            .field("owner_session", &self.owner)
            .finish_non_exhaustive()
    }
}
