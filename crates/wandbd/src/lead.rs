//! What the daemon holds of a run on its way: how to wake it, and whether it waits for a person.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;
use wandbd_ingest::RunLog;
use wandbd_upload::{Fate, Handle};
use wandbd_wandb::ServerSettings;

/// One run on its way.
pub(crate) struct Lead {
    pub(crate) run: Arc<RunLog>,
    /// Counts what people asked for; each ends a wait.
    kicks: watch::Sender<u64>,
    /// While an uploader works.
    handle: Mutex<Option<Handle>>,
    /// Nothing happens before a person does something: later parts of the same run do not wait for it.
    idle: AtomicBool,
    /// The server refused the credentials.
    refused: AtomicBool,
    /// A person said that it may go, however long it has waited.
    allowed: AtomicBool,
    /// Its server or key has changed: the uploader is to begin anew.
    changed: AtomicBool,
    /// A person wants it tried although it needs one.
    wanted: AtomicBool,
    /// Where a person has sent it, instead of where it waited for a key.
    said: Mutex<Option<ServerSettings>>,
    /// What came of its artifacts.
    fates: watch::Sender<Fates>,
}

/// What came of artifacts, by their client ids.
pub(crate) type Fates = Arc<BTreeMap<String, Fate>>;

impl Lead {
    fn new(run: Arc<RunLog>) -> Self {
        Self {
            run,
            kicks: watch::Sender::new(0),
            handle: Mutex::default(),
            idle: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            allowed: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            said: Mutex::default(),
            fates: watch::Sender::default(),
        }
    }

    /// Wakes it, also from a wait for a person.
    pub(crate) fn kick(&self) {
        self.allowed.store(true, Ordering::Release);
        self.idle.store(false, Ordering::Release);
        self.wanted.store(true, Ordering::Release);
        self.poke();
        self.kicks.send_modify(|kicks| *kicks += 1);
    }

    /// Ends every wait of its uploader.
    pub(crate) fn poke(&self) {
        if let Some(handle) = self.lock().as_ref() {
            handle.retry();
        }
    }

    /// True once after a [`kick`](Self::kick).
    pub(crate) fn take_wanted(&self) -> bool {
        self.wanted.swap(false, Ordering::AcqRel)
    }

    /// Wakes it, and its uploader begins anew with what is in force then.
    pub(crate) fn renew(&self) {
        self.changed.store(true, Ordering::Release);
        self.kick();
    }

    /// It goes there from now on.
    pub(crate) fn redirect(&self, settings: ServerSettings) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    pub(crate) fn said(&self) -> Option<ServerSettings> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// What came of its artifacts, as it is told.
    pub(crate) fn fates(&self) -> watch::Receiver<Fates> {
        self.fates.subscribe()
    }

    pub(crate) fn tell_fates(&self, fates: &Fates) {
        self.fates.send_if_modified(|told| {
            let news = !Arc::ptr_eq(told, fates);
            *told = Arc::clone(fates);
            news
        });
    }

    /// True once after [`renew`](Self::renew).
    pub(crate) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Counts kicks from now on.
    pub(crate) fn kicks(&self) -> watch::Receiver<u64> {
        self.kicks.subscribe()
    }

    pub(crate) fn allowed(&self) -> bool {
        self.allowed.load(Ordering::Acquire)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Acquire)
    }

    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::Release);
    }

    /// It waits for credentials that the server accepts.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    pub(crate) fn set_refused(&self, refused: bool) {
        self.refused.store(refused, Ordering::Release);
    }

    /// The uploader at work, until the guard is dropped.
    pub(crate) fn at_work(self: &Arc<Self>, handle: Handle) -> AtWork {
        *self.lock() = Some(handle);
        AtWork(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Handle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Lead::at_work`]; also dropped with the future that holds it.
pub(crate) struct AtWork(Arc<Lead>);

impl Drop for AtWork {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// All runs on their way, by owner's session.
#[derive(Default)]
pub(crate) struct Leads(Mutex<HashMap<String, Arc<Lead>>>);

impl Leads {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Lead>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lead of a run, made when it is not there; true when it was made.
    pub(crate) fn enter(&self, run: &Arc<RunLog>) -> (Arc<Lead>, bool) {
        let mut leads = self.lock();
        let session = run.opened().session.clone();
        if let Some(lead) = leads.get(&session) {
            return (Arc::clone(lead), false);
        }
        let lead = Arc::new(Lead::new(Arc::clone(run)));
        leads.insert(session, Arc::clone(&lead));
        (lead, true)
    }

    pub(crate) fn get(&self, session: &str) -> Option<Arc<Lead>> {
        self.lock().get(session).cloned()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Lead>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| order(&a.run, &b.run));
        all
    }

    pub(crate) fn leave(&self, session: &str) {
        self.lock().remove(session);
    }
}

/// By opening; two that were opened at the same moment by their sessions.
pub(crate) fn order(a: &RunLog, b: &RunLog) -> std::cmp::Ordering {
    let [a, b] = [a, b].map(|run| (run.open().start_time, run.opened().session.clone()));
    a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1))
}
