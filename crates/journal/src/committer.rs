//! One commit for everybody who appended meanwhile.
//!
//! Journals with something to commit queue up. A round takes all of them and syncs their files in parallel; the next one begins [`PACE`] after
//! it began, or when there is something to do, whichever is later, or at once when something is urgent. A journal whose sync is still running then
//! stays out and joins the round after; so a file on a hung mount delays only itself (until 8 of them hang).

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use crate::files::Files;
use crate::position::Position;
use crate::writer::{Again, Inner};

/// From the beginning of one round to the next.
const PACE: Duration = Duration::from_millis(20);

/// Files synced at once.
const PARALLEL: usize = 8;

/// Commits all journals of the process. Clones are the same committer.
#[derive(Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

impl Committer {
    /// Starts the committer's task on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(files: Arc<dyn Files>) -> (Committer, CommitterTask) {
        let shared = Arc::new(Shared {
            files,
            queue: Mutex::default(),
            wake: Notify::new(),
        });
        let task = CommitterTask {
            handle: tokio::spawn(run(Arc::clone(&shared))),
            shared: Arc::clone(&shared),
        };
        (Committer { shared }, task)
    }

    /// The file layer that it was started with.
    pub fn files(&self) -> &dyn Files {
        self.shared.files.as_ref()
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

/// The running task. Dropping it lets the task commit what is dirty and end unattended.
pub struct CommitterTask {
    handle: JoinHandle<()>,
    shared: Arc<Shared>,
}

impl CommitterTask {
    /// Commits what is dirty, then ends; later appends are refused. A hung disk holds it up: put a limit around it.
    ///
    /// # Errors
    /// When the task had panicked.
    pub async fn shutdown(mut self) -> Result<(), JoinError> {
        self.shared.stop();
        (&mut self.handle).await
    }
}

impl Drop for CommitterTask {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Where journals meet the task.
pub(crate) struct Shared {
    files: Arc<dyn Files>,
    queue: Mutex<Queue>,
    wake: Notify,
}

/// Each journal is in it once at most, so it is bounded by their number.
#[derive(Default)]
struct Queue {
    dirty: Vec<Arc<Inner>>,
    urgent: bool,
    stopping: bool,
    ended: bool,
}

impl Shared {
    /// Puts a journal up for the next round; false when there will be none.
    pub(crate) fn push(&self, journal: Arc<Inner>, urgent: bool) -> bool {
        let mut queue = self.queue();
        if queue.ended {
            return false;
        }
        queue.dirty.push(journal);
        queue.urgent |= urgent;
        drop(queue);
        self.wake.notify_one();
        true
    }

    /// A journal that is queued already wants its commit at once.
    pub(crate) fn hurry(&self) {
        self.queue().urgent = true;
        self.wake.notify_one();
    }

    pub(crate) fn accepts(&self) -> bool {
        !self.queue().ended
    }

    fn stop(&self) {
        self.queue().stopping = true;
        self.wake.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(shared: Arc<Shared>) {
    let mut rounds = Rounds::default();
    loop {
        let due = match rounds.begin_if_due(&shared) {
            Next::End => return,
            Next::Wait => None,
            Next::At(due) => Some(due),
        };
        rounds.start_syncs();
        tokio::select! {
            Some(done) = rounds.syncing.join_next() => finish(&shared, done),
            () = shared.wake.notified() => {}
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
    }
}

enum Next {
    /// Nothing is left and nothing will come.
    End,
    /// Nothing is dirty.
    Wait,
    /// Something is dirty, but it is too early.
    At(Instant),
}

type Synced = (Arc<Inner>, Position, io::Result<()>);

#[derive(Default)]
struct Rounds {
    began: Option<Instant>,
    /// Taken into a round, waiting for one of the [`PARALLEL`] places.
    waiting: VecDeque<Arc<Inner>>,
    syncing: JoinSet<Synced>,
}

impl Rounds {
    fn begin_if_due(&mut self, shared: &Shared) -> Next {
        let mut queue = shared.queue();
        if queue.dirty.is_empty() {
            queue.urgent = false;
            if queue.stopping && self.waiting.is_empty() && self.syncing.is_empty() {
                queue.ended = true;
                return Next::End;
            }
            return Next::Wait;
        }
        let now = Instant::now();
        let due = self.began.map_or(now, |began| began + PACE);
        if due > now && !queue.urgent && !queue.stopping {
            return Next::At(due);
        }
        queue.urgent = false;
        self.waiting.extend(queue.dirty.drain(..));
        self.began = Some(now);
        Next::Wait
    }

    fn start_syncs(&mut self) {
        while self.syncing.len() < PARALLEL
            && let Some(journal) = self.waiting.pop_front()
        {
            self.syncing.spawn(sync(journal));
        }
    }
}

/// Publishes how a sync went and queues the journal again if more was appended meanwhile.
fn finish(shared: &Shared, done: Result<Synced, JoinError>) {
    // A sync that panicked was turned into a failure inside `sync`; nothing else can fail there.
    let Ok((journal, reached, result)) = done else {
        return;
    };
    let again = journal.end_commit(reached, result);
    if again != Again::No {
        let mut queue = shared.queue();
        queue.dirty.push(journal);
        queue.urgent |= again == Again::AtOnce;
    }
}

async fn sync(journal: Arc<Inner>) -> Synced {
    let reached = journal.begin_commit();
    let file = Arc::clone(&journal);
    let result = match spawn_blocking(move || file.sync()).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    };
    (journal, reached, result)
}
