//! Runs uploaders, and kills them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wandbd_journal::OsFiles;
use wandbd_record::wandb::Record;
use wandbd_run::{Batch, Lines, Opened};
use wandbd_upload::{Handle, Outcome, Progress, Setup, Uploader};

use crate::feed::MemoryFeed;
use crate::server::MemoryServer;

pub struct Bench {
    pub folder: TempDir,
    pub server: Arc<MemoryServer>,
    pub feed: MemoryFeed,
    pub artifacts_done: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub fn new(server: MemoryServer, feed: MemoryFeed) -> Bench {
        Bench {
            folder: tempfile::tempdir().unwrap(),
            server: Arc::new(server),
            feed,
            artifacts_done: Arc::default(),
        }
    }

    pub fn journal(&self) -> std::path::PathBuf {
        self.folder.path().join("run-r1.wandb")
    }

    pub fn uploader(&self) -> (Uploader, Handle) {
        let server = Arc::clone(&self.server);
        let feed = Arc::new(self.feed.clone());
        let mut setup = Setup::new(feed, &self.journal(), Arc::new(OsFiles), server);
        let done = Arc::clone(&self.artifacts_done);
        setup.on_artifact_done = Arc::new(move |id| done.lock().unwrap().push(id.into()));
        Uploader::new(setup)
    }

    /// Lets an uploader work until everything is delivered.
    pub async fn deliver(&self) -> Progress {
        let (uploader, handle) = self.uploader();
        let work = uploader.run(CancellationToken::new());
        let outcome = timeout(Duration::from_hours(100), work).await;
        let outcome = outcome
            .unwrap_or_else(|_| panic!("not delivered: {:?}", handle.progress().borrow().clone()));
        assert_eq!(outcome.unwrap(), Outcome::Delivered);
        handle.progress().borrow().clone()
    }

    /// Lets an uploader work until it has been polled so often, then drops it.
    pub async fn kill_after(&self, polls: usize) {
        let (uploader, _handle) = self.uploader();
        let work = Box::pin(uploader.run(CancellationToken::new()));
        KillAfter { work, left: polls }.await;
        self.server.killed();
    }

    pub fn assert_no_violation(&self) {
        assert_eq!(self.server.look().violations, Vec::<String>::new());
    }
}

struct KillAfter<F> {
    work: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for KillAfter<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        self.work.as_mut().poll(cx).map(|_| ())
    }
}

/// What the destination must have in the end.
pub fn expected(records: &[Record]) -> (Batch, Lines) {
    let opened = Opened {
        run_id: "r1".into(),
        entity: "e".into(),
        project: "p".into(),
        ..Opened::default()
    };
    let mut lines = Lines::new(&opened);
    let mut batch = Batch::default();
    for record in records {
        lines.apply(record, &mut batch).unwrap();
    }
    (batch, lines)
}
