//! One commit for everybody who appended meanwhile.
//!
//! Journals with something to commit queue up. A round takes all of them and syncs their files in parallel; the next one begins [`PACE`] after
//! it began, or when there is something to do, whichever is later, or at once when something is urgent. A journal whose sync is still running then
//! stays out and joins the round after; so a file on a hung mount delays only itself (until 64 of them hang).
//!
//! The threads are the committer's own, and all alike: each waits for the next thing to do, syncs one file, publishes how it went. One file
//! that is written to all the time keeps one thread busy, without a hop to another; a second thread is made when something is to be done
//! while none is free, and ends when it had nothing to do for a while.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::files::Files;
use crate::rounds::{MAX_THREADS, Next, Rounds};
use crate::writer::{Again, Inner};

/// From the beginning of one round to the next.
const PACE: Duration = Duration::from_millis(20);

/// A thread that had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// Commits all journals of the process. Clones are the same committer.
#[derive(Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

impl Committer {
    /// A committer whose rounds begin 20 ms after one another. Its threads come with the first append.
    pub fn start(files: Arc<dyn Files>) -> (Committer, CommitterTask) {
        Committer::with_pace(files, PACE)
    }

    /// The same with another time between rounds.
    pub fn with_pace(files: Arc<dyn Files>, pace: Duration) -> (Committer, CommitterTask) {
        let shared = Arc::new(Shared {
            files,
            queue: Mutex::new(Queue {
                rounds: Rounds::new(pace),
                threads: 0,
                free: 0,
                timed: false,
            }),
            wake: Condvar::new(),
            ended: watch::Sender::new(false),
        });
        let task = CommitterTask {
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

/// Ends the committer. Dropping it lets the threads commit what is dirty and end unattended.
pub struct CommitterTask {
    shared: Arc<Shared>,
}

impl CommitterTask {
    /// Commits what is dirty, then ends; later appends are refused. A hung disk holds it up: put a limit around it.
    ///
    /// # Errors
    /// Never today: the waiting itself cannot fail while this is there.
    pub async fn shutdown(self) -> Result<(), watch::error::RecvError> {
        let mut ended = self.shared.ended.subscribe();
        self.shared.stop();
        ended.wait_for(|ended| *ended).await.map(drop)
    }
}

impl Drop for CommitterTask {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Where journals meet the threads.
pub(crate) struct Shared {
    files: Arc<dyn Files>,
    queue: Mutex<Queue>,
    wake: Condvar,
    ended: watch::Sender<bool>,
}

struct Queue {
    rounds: Rounds<Arc<Inner>>,
    threads: usize,
    /// Threads that wait for something to do.
    free: usize,
    /// One of them wakes by itself when the next round is due.
    timed: bool,
}

impl Shared {
    /// Puts a journal up for the next round; false when there will be none.
    pub(crate) fn push(self: &Arc<Self>, journal: Arc<Inner>, urgent: bool) -> bool {
        let mut queue = self.queue();
        if queue.rounds.ended {
            return false;
        }
        queue.rounds.push(journal, urgent);
        if urgent || !queue.timed {
            self.call(&mut queue);
        }
        queue.threads > 0
    }

    /// A journal that is queued already wants its commit at once.
    pub(crate) fn hurry(self: &Arc<Self>) {
        let mut queue = self.queue();
        queue.rounds.hurry();
        self.call(&mut queue);
    }

    pub(crate) fn accepts(&self) -> bool {
        !self.queue().rounds.ended
    }

    fn stop(self: &Arc<Self>) {
        let mut queue = self.queue();
        queue.rounds.stopping = true;
        if queue.threads > 0 {
            drop(queue);
            self.wake.notify_all();
        } else if let Next::End = queue.rounds.next(Instant::now()) {
            drop(queue);
            self.ended.send_replace(true);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread look what is to be done: a free one, or a new one.
    fn call(self: &Arc<Self>, queue: &mut Queue) {
        if queue.free > 0 {
            self.wake.notify_one();
            return;
        }
        if queue.threads >= MAX_THREADS {
            return; // the first that is done looks
        }
        let shared = Arc::clone(self);
        let made = thread::Builder::new()
            .name("wandbd-commit".into())
            .stack_size(256 << 10)
            .spawn(move || shared.work());
        queue.threads += usize::from(made.is_ok());
    }

    /// The life of a thread.
    fn work(self: Arc<Self>) {
        let mut queue = self.queue();
        loop {
            let now = Instant::now();
            match queue.rounds.next(now) {
                Next::Sync(journal, began) => {
                    let (now, later) = queue.rounds.has_more();
                    if now || later && !queue.timed {
                        self.call(&mut queue);
                    }
                    drop(queue);
                    let again = commit(&journal);
                    queue = self.queue();
                    queue.rounds.done(began);
                    if again != Again::No {
                        queue.rounds.push(journal, again == Again::AtOnce);
                    }
                }
                Next::Until(due) => queue = self.wait(queue, due - now, true).0,
                Next::Wait => {
                    let (woken, in_vain) = self.wait(queue, IDLE, false);
                    queue = woken;
                    if in_vain && queue.rounds.has_more() == (false, false) {
                        queue.threads -= 1;
                        return;
                    }
                }
                Next::End => {
                    queue.threads -= 1;
                    drop(queue);
                    self.wake.notify_all();
                    self.ended.send_replace(true);
                    return;
                }
            }
        }
    }

    /// Waits for a call; true when none came.
    fn wait<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue>,
        limit: Duration,
        timed: bool,
    ) -> (MutexGuard<'a, Queue>, bool) {
        queue.free += 1;
        let was_timed = queue.timed;
        queue.timed |= timed;
        let waited = self.wake.wait_timeout(queue, limit);
        let (mut queue, result) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.free -= 1;
        if timed && !was_timed {
            queue.timed = false;
        }
        (queue, result.timed_out())
    }
}

/// Syncs one file and publishes how it went; says whether more was appended meanwhile.
fn commit(journal: &Inner) -> Again {
    let reached = journal.begin_commit();
    let result = catch_unwind(AssertUnwindSafe(|| journal.sync()))
        .unwrap_or_else(|_| Err(io::Error::other("bug: the sync panicked")));
    journal.end_commit(reached, result)
}
