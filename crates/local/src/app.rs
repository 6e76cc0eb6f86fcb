//! What all requests share.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::blobs::Blobs;
use crate::error::StoreResult;
use crate::secret::Secrets;
use crate::sign::Signer;
use crate::store::{Store, files};

/// Runs whose pace is remembered before the memory is cleared.
const MOST_PACED_RUNS: usize = 10_000;

/// The server's state.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) signer: Signer,
    pub(crate) secrets: Secrets,
    /// `host:port` values that a `Host` header may have.
    pub(crate) hosts: Vec<String>,
    pub(crate) port: u16,
    pub(crate) posting: Posting,
    pub(crate) pace: Option<Pace>,
}

impl App {
    /// Removes blobs that nothing uses any more.
    pub(crate) async fn release(&self, candidates: Vec<String>) -> StoreResult<()> {
        if candidates.is_empty() {
            return Ok(());
        }
        let blobs = self.blobs.clone();
        self.store
            .write(move |db| {
                for blob in &candidates {
                    if !files::blob_in_use(db, blob)? {
                        blobs.remove(blob)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Runs with a `file_stream` post under way.
#[derive(Default)]
pub(crate) struct Posting {
    runs: Mutex<HashSet<String>>,
}

/// Held while a post is under way.
pub(crate) struct PostGuard<'a> {
    posting: &'a Posting,
    run: String,
    /// Whether another post of the run was under way already.
    pub(crate) second: bool,
}

impl Posting {
    pub(crate) fn begin(&self, run: String) -> PostGuard<'_> {
        let second = !lock(&self.runs).insert(run.clone());
        PostGuard {
            posting: self,
            run,
            second,
        }
    }
}

impl Drop for PostGuard<'_> {
    fn drop(&mut self) {
        if !self.second {
            lock(&self.posting.runs).remove(&self.run);
        }
    }
}

/// Limits posts per second and run: a bucket that holds one second's worth, at least one post.
pub(crate) struct Pace {
    per_second: f64,
    runs: Mutex<HashMap<String, (f64, f64)>>,
}

impl Pace {
    pub(crate) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            runs: Mutex::default(),
        }
    }

    /// Seconds to wait before the next post of the run; `None` lets this one through.
    pub(crate) fn wait(&self, run: &str, now: f64) -> Option<f64> {
        let most = self.per_second.max(1.0);
        let mut runs = lock(&self.runs);
        if runs.len() > MOST_PACED_RUNS {
            runs.clear();
        }
        let (tokens, at) = runs.entry(run.to_owned()).or_insert((most, now));
        *tokens = ((now - *at).max(0.0) * self.per_second + *tokens).min(most);
        *at = now;
        if *tokens >= 1.0 {
            *tokens -= 1.0;
            return None;
        }
        Some((1.0 - *tokens) / self.per_second)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_post_in_a_second_waits_when_two_are_allowed() {
        let pace = Pace::new(2.0);

        assert_eq!(pace.wait("r", 10.0), None);
        assert_eq!(pace.wait("r", 10.0), None);
        assert_eq!(pace.wait("r", 10.0), Some(0.5));
        assert_eq!(pace.wait("other", 10.0), None);
        assert_eq!(pace.wait("r", 10.5), None);
    }

    #[test]
    fn a_second_post_at_the_same_time_is_noticed() {
        let posting = Posting::default();

        let first = posting.begin("r".into());
        assert!(!first.second);
        assert!(posting.begin("r".into()).second);
        drop(first);
        assert!(!posting.begin("r".into()).second);
    }
}
