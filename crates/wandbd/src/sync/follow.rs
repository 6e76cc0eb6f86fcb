//! Going along with a file that somebody else writes, until its run ends or its writer is gone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep};
use wandbd_journal::Files;
use wandbd_upload::FollowFeed;

use super::writer::writer;

/// How often writer and folders are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// A file that nobody here has open may be written by another machine: it is over when it has not grown for so long.
const QUIET: Duration = Duration::from_mins(5);
/// The same where its writer was seen before.
const GONE: Duration = Duration::from_secs(10);

/// One file that grows.
pub(super) struct Follow {
    feed: FollowFeed,
    path: PathBuf,
}

impl Follow {
    pub(super) fn new(files: &Arc<dyn Files>, path: &Path) -> Self {
        Self {
            feed: FollowFeed::new(Arc::clone(files), path),
            path: path.to_owned(),
        }
    }

    pub(super) fn feed(&self) -> FollowFeed {
        self.feed.clone()
    }

    /// Says when nobody writes any more; then never returns, nor does it when nothing is followed.
    pub(super) async fn watch(follow: Option<&Self>) {
        if let Some(follow) = follow {
            follow.until_quiet().await;
            follow.feed.finish();
        }
        std::future::pending::<()>().await;
    }

    async fn until_quiet(&self) {
        let mut size = 0;
        let mut seen = false;
        let mut grew = Instant::now();
        loop {
            let path = self.path.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let size = fs::metadata(&path).map_or(0, |meta| meta.len());
                (size, writer(&path).is_some())
            });
            let (now, written) = looked.await.unwrap_or((size, false));
            seen |= written;
            if now != size || written {
                size = now;
                grew = Instant::now();
            }
            if grew.elapsed() >= if seen { GONE } else { QUIET } {
                return;
            }
            sleep(LOOK).await;
        }
    }
}
