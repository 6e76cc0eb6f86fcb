//! Files under lease, and the threads that copy them.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use tokio::sync::watch;

use crate::{
    copy::{Digest, copy},
    error::StageError,
    lease::Leased,
    origin::Origin,
    settle::sync_folders,
};

/// Copies at once.
const WORKERS: usize = 2;
/// Files that may be under lease; each is an open file.
const LEASES: usize = 1_024;
/// Failures that are remembered until somebody asks.
const FAILURES: usize = 4_096;

/// Digests that are remembered; without one the snapshot is read again.
const DIGESTS: usize = 65_536;

/// What became of a copy; nothing while it is on its way.
pub(crate) type Outcome = Option<Result<(), StageError>>;

/// A file that is to be copied.
pub(crate) struct Job {
    pub(crate) leased: Leased,
    pub(crate) origin: Origin,
    pub(crate) target: PathBuf,
}

/// Shared by all who ask and all who copy.
pub(crate) struct Queue {
    pub(crate) dir: PathBuf,
    state: Mutex<State>,
    pub(crate) stop: AtomicBool,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<(Job, watch::Sender<Outcome>)>,
    workers: usize,
    pending: HashMap<PathBuf, (u64, watch::Receiver<Outcome>)>,
    failed: HashMap<PathBuf, StageError>,
    /// Bytes of complete snapshots.
    measured: u64,
    /// Of snapshots, until they are removed.
    digests: HashMap<PathBuf, Digest>,
}

impl State {
    fn remember(&mut self, target: &Path, digest: Digest) {
        if self.digests.len() >= DIGESTS {
            self.digests.clear();
        }
        self.digests.insert(target.to_owned(), digest);
    }
}

impl Queue {
    pub(crate) fn new(dir: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            dir,
            state: Mutex::default(),
            stop: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Complete snapshots and those on their way.
    pub(crate) fn bytes(&self) -> u64 {
        let state = self.lock();
        let pending: u64 = state.pending.values().map(|(size, _)| size).sum();
        state.measured.saturating_add(pending)
    }

    pub(crate) fn set_measured(&self, bytes: u64) {
        self.lock().measured = bytes;
    }

    pub(crate) fn add(&self, bytes: u64) {
        let mut state = self.lock();
        state.measured = state.measured.saturating_add(bytes);
    }

    pub(crate) fn subtract(&self, bytes: u64) {
        let mut state = self.lock();
        state.measured = state.measured.saturating_sub(bytes);
    }

    pub(crate) fn has_room(&self) -> bool {
        self.lock().pending.len() < LEASES
    }

    /// The copy of this snapshot, if it is on its way or has failed.
    pub(crate) fn find(&self, target: &Path) -> Option<watch::Receiver<Outcome>> {
        let state = self.lock();
        if let Some((_, outcome)) = state.pending.get(target) {
            return Some(outcome.clone());
        }
        let error = state.failed.get(target)?;
        Some(watch::channel(Some(Err(error.clone()))).1)
    }

    /// Forgets a failure, or a digest.
    pub(crate) fn forget(&self, target: &Path) {
        let mut state = self.lock();
        state.failed.remove(target);
        state.digests.remove(target);
    }

    pub(crate) fn digest(&self, target: &Path) -> Option<Digest> {
        self.lock().digests.get(target).copied()
    }

    /// Takes a job; a thread begins with it as soon as one is free. To be called within a runtime.
    pub(crate) fn push(self: &Arc<Self>, job: Job) -> watch::Receiver<Outcome> {
        let (sender, outcome) = watch::channel(None);
        let mut state = self.lock();
        let waiting = (job.origin.mark.size, outcome.clone());
        state.failed.remove(&job.target);
        state.pending.insert(job.target.clone(), waiting);
        state.jobs.push_back((job, sender));
        if state.workers < WORKERS {
            state.workers += 1;
            let queue = Arc::clone(self);
            tokio::task::spawn_blocking(move || queue.work());
        }
        outcome
    }

    /// The next job: one that somebody waits for, else the oldest.
    fn next(&self) -> Option<(Job, watch::Sender<Outcome>)> {
        let mut state = self.lock();
        let wanted = state
            .jobs
            .iter()
            .position(|(job, _)| job.leased.is_wanted());
        let next = state.jobs.remove(wanted.unwrap_or(0));
        if next.is_none() {
            state.workers -= 1;
        }
        next
    }

    fn work(&self) {
        while let Some((job, sender)) = self.next() {
            let Job {
                leased,
                origin,
                target,
            } = job;
            let about = (&*origin.source, &origin.mark);
            let copied = copy(leased.file(), about, &target, true, &self.stop)
                .and_then(|digest| sync_folders(&self.dir, [&*target]).map(|()| digest));
            drop(leased);
            // At a stop the next daemon goes on with it.
            if !matches!(copied, Err(StageError::Stopped)) {
                Origin::forget(&target);
            }
            let mut state = self.lock();
            state.pending.remove(&target);
            match &copied {
                Ok(digest) => {
                    state.measured = state.measured.saturating_add(origin.mark.size);
                    if let Some(digest) = digest {
                        state.remember(&target, *digest);
                    }
                }
                Err(error) => {
                    tracing::warn!(target = %target.display(), %error, "snapshot not made");
                    if state.failed.len() >= FAILURES {
                        state.failed.clear();
                    }
                    state.failed.insert(target, error.clone());
                }
            }
            drop(state);
            sender.send_replace(Some(copied.map(drop)));
        }
    }
}
