//! What all requests share.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::blobs::Blobs;
use crate::clock::{Clock, Moment};
use crate::error::StoreResult;
use crate::pace::Pace;
use crate::rules::Rules;
use crate::secret::Secrets;
use crate::sign::Signer;
use crate::store::{Store, files};
use crate::uploads::Uploads;

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
    pub(crate) pace: Pace,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    /// The last uploads.
    pub(crate) uploads: Uploads,
    /// Access tokens given out so far.
    pub(crate) exchanges: AtomicU64,
}

impl App {
    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> f64 {
        self.clock.now()
    }

    /// Now, for looking at the states of runs.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            crashed_after_s: self.rules.crashed_after_s,
        }
    }

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
                        db.execute("DELETE FROM loose WHERE blob = ?1", [blob])?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Writers of runs with a `file_stream` post under way.
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

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
