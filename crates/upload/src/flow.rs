//! The loop of an uploader: reads, folds, and starts what is due.

mod fold;
mod others;
mod posts;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until, timeout};
use wandbd_journal::{Frame, Position};
use wandbd_record::wandb::ArtifactRecord;
use wandbd_run::{Batch, Lines, Opened};

use crate::artifacts::Settled;
use crate::courier::{BoxFuture, Courier, Stopped};
use crate::cursor::{Cursor, Notebook};
use crate::files::{Report, Waiting};
use crate::head::{Head, Reader};
use crate::poster::{Outcome, Poster};
use crate::source::Feed;

/// Records folded before anything else gets a turn.
const AT_ONCE: usize = 512;

/// The exit code of a run that was cut off, the one that the official sync uses.
const CUT_OFF: i32 = 1;

/// What a flow is made of.
pub(crate) struct Parts {
    pub(crate) courier: Arc<Courier>,
    pub(crate) poster: Arc<Poster>,
    pub(crate) opened: Arc<Opened>,
    pub(crate) notebook: Notebook,
    pub(crate) reader: Reader,
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) journal: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) on_artifact_done: Arc<dyn Fn(&str) + Send + Sync>,
}

/// One run on its way.
pub(crate) struct Flow {
    parts: Parts,
    lines: Lines,
    /// Folded and not yet on its way.
    batch: Batch,
    /// The last record folded.
    position: Position,
    /// Accepted.
    cursor: Cursor,
    /// History and events lines that are accepted or on their way.
    sealed: (u64, u64),
    in_flight: Option<Mark>,
    posted: bool,
    reading: Reading,
    /// Exit code, and when it was read.
    exit: Option<(i32, Instant)>,
    exit_files: ExitFiles,
    console_seen: bool,
    waiting: Waiting,
    /// Arrived, and the destination not yet told.
    uploaded: BTreeMap<String, String>,
    artifacts: VecDeque<ArtifactRecord>,
    config_due: Option<Instant>,
    params_changed: bool,
    jobs: Jobs,
}

/// What the cursor becomes when the parcel in flight is accepted.
struct Mark {
    position: Position,
    history: u64,
    events: u64,
    uploaded: BTreeMap<String, String>,
    complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    /// The exit record, or the end of a file that nobody writes to.
    Ended,
    /// The writer has closed the journal without an exit record: it is going down.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitFiles {
    NotYet,
    OnTheirWay,
    There,
}

type Job<T> = Option<BoxFuture<'static, Result<T, Stopped>>>;

/// What is in flight.
#[derive(Default)]
struct Jobs {
    posting: Job<Outcome>,
    updating: Job<()>,
    filing: Job<Report>,
    shipping: Job<Settled>,
}

enum Event {
    Posted(Outcome),
    Updated,
    Filed(Report),
    Shipped(Settled),
    Read(Option<Frame>),
    Due,
}

/// Waits for a job; for ever when there is none. Cancel-safe.
async fn job<T>(slot: &mut Job<T>) -> Result<T, Stopped> {
    match slot {
        Some(running) => {
            let done = running.await;
            *slot = None;
            done
        }
        None => std::future::pending().await,
    }
}

impl Flow {
    pub(crate) fn new(parts: Parts, cursor: Cursor, head: &Head, fresh: bool) -> Flow {
        let mut flow = Flow {
            lines: Lines::new(&parts.opened),
            parts,
            batch: Batch::default(),
            position: head.position,
            sealed: (cursor.history, cursor.events),
            cursor,
            in_flight: None,
            posted: false,
            reading: Reading::On,
            exit: None,
            exit_files: ExitFiles::NotYet,
            console_seen: false,
            waiting: Waiting::default(),
            uploaded: BTreeMap::new(),
            artifacts: VecDeque::new(),
            config_due: None,
            params_changed: false,
            jobs: Jobs::default(),
        };
        for record in &head.records {
            flow.apply(record);
        }
        flow.params_changed = false;
        if fresh {
            flow.config_due = None;
        }
        flow
    }

    /// Works until the end of the run is accepted.
    pub(crate) async fn run(mut self) -> Result<(), Stopped> {
        loop {
            if self.fold_what_is_there() {
                tokio::task::yield_now().await;
            }
            self.start_what_is_due();
            self.report();
            let event = match self.next_event().await {
                Ok(event) => event,
                Err(Stopped) => return self.stop().await,
            };
            match event {
                Event::Posted(outcome) => {
                    if self.post_accepted(outcome).await {
                        self.report();
                        return Ok(());
                    }
                }
                Event::Updated | Event::Due => {}
                Event::Filed(report) => self.files_arrived(report),
                Event::Shipped(settled) => self.artifact_settled(settled).await,
                Event::Read(Some(frame)) => self.take(&frame),
                Event::Read(None) => self.journal_over(),
            }
        }
    }

    async fn next_event(&mut self) -> Result<Event, Stopped> {
        let wake = self.wake();
        let may_read = self.may_read();
        let wake = async {
            match wake {
                Some(wake) => sleep_until(wake).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.parts.courier.stop.cancelled() => Err(Stopped),
            done = job(&mut self.jobs.posting) => done.map(Event::Posted),
            done = job(&mut self.jobs.updating) => done.map(|()| Event::Updated),
            done = job(&mut self.jobs.filing) => done.map(Event::Filed),
            done = job(&mut self.jobs.shipping) => done.map(Event::Shipped),
            frame = self.parts.reader.next(), if may_read => Ok(Event::Read(frame)),
            () = wake => Ok(Event::Due),
        }
    }

    /// Told to stop: the answer that is due is waited for, the rest is for the next start.
    async fn stop(mut self) -> Result<(), Stopped> {
        let grace = self.parts.courier.timing.stop_grace;
        if let Ok(Ok(outcome)) = timeout(grace, job(&mut self.jobs.posting)).await
            && self.post_accepted(outcome).await
        {
            return Ok(());
        }
        Err(Stopped)
    }

    fn max_bytes(&self) -> usize {
        self.parts.poster.pace.max_post_bytes
    }

    fn full(&self) -> bool {
        self.batch.bytes >= self.max_bytes()
    }

    fn may_read(&self) -> bool {
        self.reading == Reading::On && !self.full()
    }

    /// What was accepted before a restart is folded again, but not sent.
    fn catching_up(&self) -> bool {
        self.position < self.cursor.at() && self.reading == Reading::On
    }

    fn wake(&self) -> Option<Instant> {
        let post = self.post_due().filter(|_| self.jobs.posting.is_none());
        let update = self.config_due.filter(|_| self.jobs.updating.is_none());
        let files = self.waiting.due.filter(|_| self.jobs.filing.is_none());
        [post, update, files].into_iter().flatten().min()
    }

    fn start_what_is_due(&mut self) {
        let now = Instant::now();
        let ending = self.exit.is_some();
        let due = |at: Option<Instant>| at.is_some_and(|at| ending || at <= now);
        if self.jobs.updating.is_none() && due(self.config_due) {
            self.start_update();
        }
        let settled = self.config_due.is_none() && self.jobs.updating.is_none();
        if self.jobs.filing.is_none() {
            if ending && settled && self.exit_files == ExitFiles::NotYet {
                self.start_exit_files();
            } else if !ending && due(self.waiting.due) {
                let names = self.waiting.take();
                let upload = self.upload();
                self.jobs.filing = Some(Box::pin(upload.run(names, Vec::new())));
            }
        }
        if self.jobs.shipping.is_none() {
            self.start_artifact();
        }
        if self.jobs.posting.is_none() && self.post_due().is_some_and(|at| at <= Instant::now()) {
            self.start_post();
        }
    }

    /// Says how far it is.
    fn report(&self) {
        let end = self.parts.reader.end().0;
        let pending = end.saturating_sub(self.cursor.position.max(Position::START.0));
        self.parts.courier.standing.update(|progress| {
            self.cursor.report(progress);
            progress.bytes_pending = pending;
        });
    }
}
/// How a delivered artifact is noted in the cursor.
const DONE: &str = "done";
