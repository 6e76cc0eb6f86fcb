use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Requests to one server at once.
const REQUESTS: usize = 8;
/// Uploads of file content to one server at once.
const TRANSFERS: usize = 8;
/// Artifacts of one server at once.
pub(crate) const ARTIFACTS: usize = 128;
/// 500 posts/s per project.
const SPACING: Duration = Duration::from_millis(2);

/// What all runs that go to one server share, so that together they stay within its limits.
///
/// Have one for each server: a server that does not answer must not hold up the runs of another. Runs that end are served before runs
/// that live.
#[derive(Debug)]
pub struct Budget {
    requests: Arc<Gate>,
    transfers: Arc<Gate>,
    artifacts: Arc<Gate>,
    slots: Mutex<HashMap<String, Instant>>,
    /// When a post of each run went last: a run can have several journals, one after another.
    runs: Mutex<HashMap<String, Instant>>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(REQUESTS, TRANSFERS)
    }
}

impl Budget {
    /// A budget of so many requests, and so many transfers of files, at once.
    pub fn new(requests: usize, transfers: usize) -> Budget {
        Budget {
            requests: Gate::new(requests),
            transfers: Gate::new(transfers),
            artifacts: Gate::new(ARTIFACTS),
            slots: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// Waits for leave to make a request.
    pub async fn request(&self, ending: bool) -> Permit {
        self.requests.enter(ending).await
    }

    /// Waits for leave to move the content of files.
    pub async fn transfer(&self, ending: bool) -> Permit {
        self.transfers.enter(ending).await
    }

    /// Waits for leave to deliver an artifact.
    pub async fn artifact(&self, ending: bool) -> Permit {
        self.artifacts.enter(ending).await
    }

    /// Waits for a post's turn within its project.
    pub async fn slot(&self, project: &str) {
        let now = Instant::now();
        let turn = {
            let mut slots = lock(&self.slots);
            slots.retain(|_, next| *next > now);
            let next = slots.entry(project.to_owned()).or_insert(now);
            let turn = *next;
            *next = turn + SPACING;
            turn
        };
        sleep_until(turn).await;
    }
}

impl Budget {
    /// Waits until a post of this run may go, `gap` after the last one, whichever journal that was from.
    pub async fn run_slot(&self, run: &str, gap: Duration) {
        let now = Instant::now();
        let turn = {
            let mut runs = lock(&self.runs);
            runs.retain(|_, last| *last + gap > now);
            let turn = runs.get(run).map_or(now, |last| *last + gap);
            runs.insert(run.to_owned(), turn);
            turn
        };
        sleep_until(turn).await;
    }
}

/// Leave to use the server; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    gate: Option<Arc<Gate>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[derive(Debug)]
struct Gate {
    state: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    free: usize,
    ending: VecDeque<oneshot::Sender<Permit>>,
    live: VecDeque<oneshot::Sender<Permit>>,
}

impl Gate {
    fn new(free: usize) -> Arc<Gate> {
        Arc::new(Gate {
            state: Mutex::new(Waiting {
                free,
                ending: VecDeque::new(),
                live: VecDeque::new(),
            }),
        })
    }

    async fn enter(self: &Arc<Self>, ending: bool) -> Permit {
        let turn = {
            let mut state = lock(&self.state);
            if state.free > 0 {
                state.free -= 1;
                return self.permit();
            }
            let (give, turn) = oneshot::channel();
            let queue = if ending {
                &mut state.ending
            } else {
                &mut state.live
            };
            queue.push_back(give);
            turn
        };
        match turn.await {
            Ok(permit) => permit,
            Err(_) => Permit { gate: None },
        }
    }

    fn permit(self: &Arc<Self>) -> Permit {
        Permit {
            gate: Some(Arc::clone(self)),
        }
    }

    /// Hands the place to who waits first; those that have gone away are passed over.
    fn leave(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = lock(&self.state);
                let next = state.ending.pop_front();
                let next = next.or_else(|| state.live.pop_front());
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(self.permit()) {
                Ok(()) => return,
                Err(mut unwanted) => unwanted.gate = None,
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_ending_run_goes_before_a_live_one_that_came_earlier() {
        let budget = Arc::new(Budget::new(1, 1));
        let first = budget.request(false).await;
        let (order, mut came) = tokio::sync::mpsc::channel(2);
        for ending in [false, true] {
            let (budget, order) = (Arc::clone(&budget), order.clone());
            tokio::spawn(async move {
                let permit = budget.request(ending).await;
                order.send(ending).await.unwrap();
                drop(permit);
            });
            tokio::task::yield_now().await;
        }

        drop(first);

        assert_eq!(came.recv().await, Some(true));
        assert_eq!(came.recv().await, Some(false));
    }

    #[tokio::test]
    async fn a_place_given_to_someone_who_left_goes_to_the_next() {
        let budget = Arc::new(Budget::new(1, 1));
        let first = budget.request(false).await;
        let gone = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { drop(budget.request(false).await) }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());

        drop(first);

        drop(budget.request(false).await);
        drop(budget.request(false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn posts_of_a_project_are_spread_and_other_projects_are_not_held_up() {
        let budget = Budget::default();
        let start = Instant::now();

        for _ in 0..501 {
            budget.slot("a").await;
        }
        let spread = start.elapsed();
        budget.slot("b").await;

        assert!(spread >= Duration::from_secs(1));
        assert_eq!(start.elapsed(), spread);
    }

    #[tokio::test(start_paused = true)]
    async fn posts_of_a_run_keep_their_distance_whichever_journal_they_are_from() {
        let budget = Budget::default();
        let gap = Duration::from_millis(550);
        let start = Instant::now();

        for _ in 0..3 {
            budget.run_slot("p/a", gap).await;
        }
        budget.run_slot("p/b", gap).await;

        assert!(start.elapsed() >= 2 * gap && start.elapsed() < 3 * gap);
    }
}
