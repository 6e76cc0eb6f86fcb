//! One file.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use wandbd_upload::SendError;

use super::Download;
use crate::api::unreachable;
use crate::artifact::store::{Expected, cached};
use crate::fetch::{Place, get};

/// How often a file is asked for.
const ATTEMPTS: u32 = 4;

/// Before the second attempt; it doubles from there.
const PAUSE: Duration = Duration::from_millis(250);

/// Chunks between the network and the disk.
const AHEAD: usize = 16;

/// A file to be fetched.
pub(super) struct Item {
    /// In the version that holds it.
    pub(super) path: String,
    pub(super) target: PathBuf,
    pub(super) expected: Expected,
    /// Id of that version.
    pub(super) origin: String,
    /// Good for ever, by way of the server.
    pub(super) address: String,
    /// Good for a while, straight from the storage.
    pub(super) direct: Option<String>,
}

impl Item {
    pub(super) fn bytes(&self) -> u64 {
        self.expected.size.unwrap_or(0)
    }
}

/// Why an attempt failed.
enum Failure {
    Server(SendError),
    Disk(std::io::Error),
}

impl Download<'_> {
    /// Fetches a file, unless it is there. The error is for people.
    pub(super) async fn file(&self, item: &Item) -> Result<(), String> {
        if self.is_here(item).await {
            self.bytes.fetch_add(item.bytes(), Ordering::Relaxed);
            return Ok(());
        }
        let mut attempt = 0;
        loop {
            let before = self.bytes.load(Ordering::Relaxed);
            let failure = match self.attempt(item, attempt).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            attempt += 1;
            let passing = match &failure {
                Failure::Server(SendError::Unauthorized(_) | SendError::Rejected { .. }) => false,
                // A direct address may have run out.
                Failure::Server(SendError::Forbidden(_) | SendError::Gone { .. }) => {
                    attempt == 1 && item.direct.is_some()
                }
                Failure::Server(_) => true,
                Failure::Disk(error) => error.kind() == std::io::ErrorKind::Other,
            };
            if !passing || attempt >= ATTEMPTS {
                let cause = match failure {
                    Failure::Server(error) => self.artifacts.api.discreet(error).explain(),
                    Failure::Disk(error) => error.to_string(),
                };
                return Err(format!("{} was not fetched: {cause}", item.path));
            }
            let now = self.bytes.load(Ordering::Relaxed);
            tracing::debug!(path = item.path, attempt, before, now, "fetched again");
            sleep(PAUSE * (1 << attempt)).await;
        }
    }

    /// It lies at its place, or in the cache.
    async fn is_here(&self, item: &Item) -> bool {
        let expected = item.expected.clone();
        let target = item.target.clone();
        let md5 = expected.md5.as_deref().unwrap_or_default();
        let cache = self.cache.as_deref();
        let cache = cache.and_then(|cache| cached(cache, md5).filter(|_| !md5.is_empty()));
        let here = spawn_blocking(move || {
            expected.is_at(&target)
                || cache
                    .is_some_and(|cache| cache.is_file() && expected.copy(&cache, &target).is_ok())
        });
        here.await.unwrap_or(false)
    }

    async fn attempt(&self, item: &Item, attempt: u32) -> Result<(), Failure> {
        let api = &self.artifacts.api;
        let direct = item.direct.as_ref().filter(|_| attempt == 0);
        let place = match direct {
            Some(address) => Place::signed(api, address),
            None => Place::own(api, &item.address),
        };
        let place = place.map_err(Failure::Server)?;
        let mut response = get(api, place).await.map_err(Failure::Server)?;
        let (sender, mut chunks) = mpsc::channel::<Option<Bytes>>(AHEAD);
        let (expected, target) = (item.expected.clone(), item.target.clone());
        let writing = spawn_blocking(move || expected.write(&target, &mut chunks));
        let limit = api.limits.stall;
        let mut moved = 0;
        let read = async {
            loop {
                let chunk = timeout(limit, response.chunk()).await;
                let chunk = chunk.map_err(|_| SendError::Timeout(limit))?;
                let chunk = chunk.map_err(|error| unreachable(error, limit))?;
                let last = chunk.is_none();
                let bytes = chunk.as_ref().map_or(0, Bytes::len) as u64;
                if sender.send(chunk).await.is_err() || last {
                    return Ok(()); // the writer says what is wrong
                }
                moved += bytes;
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
        };
        let read: Result<(), SendError> = read.await;
        drop(sender);
        let written = writing.await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let result = match (read, written) {
            (Err(error), _) => Err(Failure::Server(error)),
            (Ok(()), Err(error)) => Err(Failure::Disk(error)),
            (Ok(()), Ok(())) => Ok(()),
        };
        if result.is_err() {
            self.bytes.fetch_sub(moved, Ordering::Relaxed);
        }
        result
    }
}
