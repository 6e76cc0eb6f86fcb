//! The files of a version, brought to this machine: many at once, each checked by its digest.

mod item;
mod plan;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use wandbd_record::v1;

use self::item::Item;
use super::Artifacts;

/// Files at once.
const AT_ONCE: usize = 16;

/// Between two messages about progress.
const TICK: Duration = Duration::from_millis(250);

/// What all files of one download share.
struct Download<'a> {
    artifacts: &'a Artifacts,
    /// Where the released client keeps content, if that is looked at.
    cache: Option<PathBuf>,
    bytes: Arc<AtomicU64>,
}

impl Artifacts {
    /// Brings the files of a version below `root` and says how it goes; the last message has `done`. Ends when nobody listens any more.
    /// `cache` is the folder `artifacts` of the released client's cache: content that lies there is not fetched.
    pub async fn download(
        &self,
        request: &v1::DownloadArtifactRequest,
        cache: Option<&Path>,
        out: &mpsc::Sender<v1::DownloadProgress>,
    ) {
        let mut progress = v1::DownloadProgress::default();
        let work = self.bring(request, cache, out, &mut progress);
        let result = tokio::select! {
            biased;
            result = work => result,
            () = out.closed() => return,
        };
        progress.done = true;
        if let Err(error) = result {
            progress.error = error;
        }
        out.send(progress).await.ok(); // nobody listens: nobody is told
    }

    async fn bring(
        &self,
        request: &v1::DownloadArtifactRequest,
        cache: Option<&Path>,
        out: &mpsc::Sender<v1::DownloadProgress>,
        progress: &mut v1::DownloadProgress,
    ) -> Result<(), String> {
        let plan = self.plan(request).await.map_err(|refusal| refusal.text())?;
        progress.reference = plan.references;
        progress.files_total = plan.items.len() as u64;
        progress.bytes_total = plan.items.iter().map(Item::bytes).sum();
        let bytes = Arc::new(AtomicU64::new(0));
        let download = Download {
            artifacts: self,
            cache: cache.filter(|_| !request.skip_cache).map(Path::to_owned),
            bytes: Arc::clone(&bytes),
        };
        let files = plan.items.iter().map(|item| download.file(item));
        let mut files = stream::iter(files.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = files.next() => match done {
                    Some(done) => {
                        done?;
                        progress.files += 1;
                    }
                    None => break,
                },
                _ = tick.tick() => {
                    progress.bytes = bytes.load(Ordering::Relaxed);
                    // Whoever is slow gets the next one.
                    out.try_send(progress.clone()).ok();
                }
            }
        }
        progress.bytes = bytes.load(Ordering::Relaxed);
        Ok(())
    }
}
