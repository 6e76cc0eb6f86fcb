//! The loop of an uploader: reads, folds, and starts what is due.

mod consoles;
mod fold;
mod others;
mod posts;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, warn};
use wandbd_journal::{Frame, Position};
use wandbd_record::wandb::{AlertRecord, GitRepoRecord};
use wandbd_run::{Batch, Lines, Opened, RunParams};

use self::consoles::{Consoles, Written};
use crate::alerts::Alerted;
use crate::artifacts::{Queue, Settled};
use crate::courier::{BoxFuture, Courier, Stopped};
use crate::cursor::{Cursor, Notebook, SAVE_AGAIN};
use crate::error::chain;
use crate::files::{Report, Waiting};
use crate::globs::Globs;
use crate::head::{Head, Reader};
use crate::mark::Mark as FileMark;
use crate::poster::{Outcome, Poster};
use crate::progress::Channel;
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

/// How a run ceased to be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The destination has everything.
    Delivered,
    /// It was deleted there; the cursor says that it is to be made again.
    Deleted,
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
    uploaded: BTreeMap<String, FileMark>,
    artifacts: Queue,
    /// With the positions of their records.
    alerts: VecDeque<(u64, AlertRecord)>,
    config_due: Option<Instant>,
    /// The parameters that the destination was told.
    told: RunParams,
    /// As the program or its surroundings say.
    git: Option<GitRepoRecord>,
    ignored: Globs,
    writer: Writer,
    /// Only where they are a series.
    consoles: Option<Consoles>,
    jobs: Jobs,
}

/// What part this journal has in its run.
#[derive(Debug, Clone, Copy)]
struct Writer {
    /// It speaks for the run as a whole.
    primary: bool,
    /// Its end is the run's end.
    finishes: bool,
}

/// What the cursor becomes when the parcel in flight is accepted.
struct Mark {
    position: Position,
    history: u64,
    events: u64,
    uploaded: BTreeMap<String, FileMark>,
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
    updating: Job<Told>,
    filing: Job<Report>,
    alerting: Job<Alerted>,
    writing: Job<Written>,
    shipping: FuturesUnordered<BoxFuture<'static, Result<Settled, Stopped>>>,
}

/// A config update that is settled.
struct Told {
    position: u64,
    params: RunParams,
}

enum Event {
    Posted(Outcome),
    Updated(Box<Told>),
    Alerted(Alerted),
    Written(Written),
    Filed(Report),
    Shipped(Box<Settled>),
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
    pub(crate) fn new(parts: Parts, mut cursor: Cursor, head: &Head) -> Flow {
        let said = head.start.said();
        let shared = head.start.shared();
        // The opening has told it.
        cursor.updated = cursor.updated.max(head.position.0);
        let mut flow = Flow {
            ignored: Globs::new(said.map_or(&[], |said| &said.ignore_glob)),
            writer: Writer {
                primary: shared.is_none_or(|shared| shared.primary),
                finishes: shared.is_none_or(|shared| shared.finishes),
            },
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
            artifacts: Queue::default(),
            alerts: VecDeque::new(),
            config_due: None,
            told: RunParams::default(),
            git: None,
            consoles: None,
            jobs: Jobs::default(),
        };
        let series = said.and_then(|said| said.console_files.as_ref());
        if series.is_some_and(|series| series.multipart) {
            flow.consoles = Some(Consoles::new(flow.console_files()));
        }
        for record in &head.records {
            flow.apply(record);
        }
        let program = said.and_then(|said| said.program.as_ref());
        if let Some(program) = program.filter(|program| !program.git_commit.is_empty()) {
            flow.git = Some(GitRepoRecord {
                remote_url: program.git_remote_url.clone(),
                commit: program.git_commit.clone(),
            });
        }
        flow.told = flow.params();
        if let Some(program) = program {
            flow.told.program.clone_from(&program.path);
        }
        flow
    }

    /// Works until the end of the run is accepted, or the run is to be made again.
    pub(crate) async fn run(mut self) -> Result<Ended, Stopped> {
        loop {
            if self.fold_what_is_there() {
                tokio::task::yield_now().await;
            }
            self.leave_out_superseded().await;
            self.start_what_is_due();
            self.report();
            let event = match self.next_event().await {
                Ok(event) => event,
                Err(Stopped) => return self.stop().await,
            };
            match event {
                Event::Posted(outcome) if outcome.deleted => return self.make_again().await,
                Event::Posted(outcome) => {
                    if self.post_accepted(outcome).await {
                        self.report();
                        return Ok(Ended::Delivered);
                    }
                }
                Event::Due => {}
                Event::Updated(told) => self.update_settled(*told).await,
                Event::Alerted(alerted) => self.alert_settled(&alerted).await,
                Event::Written(written) => self.console_written(written),
                Event::Filed(report) => self.files_arrived(report),
                Event::Shipped(settled) => self.artifact_settled(*settled).await,
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
            done = job(&mut self.jobs.updating) => done.map(|told| Event::Updated(Box::new(told))),
            done = job(&mut self.jobs.alerting) => done.map(Event::Alerted),
            done = job(&mut self.jobs.writing) => done.map(Event::Written),
            done = job(&mut self.jobs.filing) => done.map(Event::Filed),
            Some(done) = self.jobs.shipping.next() => done.map(|done| Event::Shipped(Box::new(done))),
            frame = self.parts.reader.next(), if may_read => Ok(Event::Read(frame)),
            () = wake => Ok(Event::Due),
        }
    }

    /// Told to stop: the answer that is due is waited for, the rest is for the next start.
    async fn stop(mut self) -> Result<Ended, Stopped> {
        let grace = self.parts.courier.timing.stop_grace;
        if let Ok(Ok(outcome)) = timeout(grace, job(&mut self.jobs.posting)).await
            && !outcome.deleted
            && self.post_accepted(outcome).await
        {
            return Ok(Ended::Delivered);
        }
        Err(Stopped)
    }

    /// The run was deleted there, and a person wants it back.
    async fn make_again(mut self) -> Result<Ended, Stopped> {
        warn!(run = %self.parts.courier.name, "deleted there; it is made again and everything is sent once more");
        self.cursor.start_over();
        while let Err(error) = self.parts.notebook.save(&self.cursor).await {
            let cause = chain(&error);
            error!(run = %self.parts.courier.name, cause, "nothing is sent before this is saved");
            let courier = &self.parts.courier;
            courier.standing.held_up(Channel::Journal, false, cause);
            courier.or_stop(sleep(SAVE_AGAIN)).await?;
        }
        self.parts.courier.flows(Channel::Journal);
        self.parts.courier.flows(Channel::Post);
        Ok(Ended::Deleted)
    }

    fn max_bytes(&self) -> usize {
        self.parts.poster.pace.max_post_bytes
    }

    fn full(&self) -> bool {
        self.batch.bytes >= self.max_bytes()
    }

    fn may_read(&self) -> bool {
        let held = self.consoles.as_ref().is_some_and(Consoles::is_full);
        self.reading == Reading::On && !self.full() && !held
    }

    /// What was accepted before a restart is folded again, but not sent.
    fn catching_up(&self) -> bool {
        self.position < self.cursor.at() && self.reading == Reading::On
    }

    fn wake(&self) -> Option<Instant> {
        let post = self.post_due().filter(|_| self.jobs.posting.is_none());
        let update = self.config_due.filter(|_| self.jobs.updating.is_none());
        let files = [self.waiting.due, self.waiting.poll];
        let files = files.into_iter().flatten().min();
        // At the end they go with the last ones, when everything else is settled.
        let files = files.filter(|_| self.jobs.filing.is_none() && self.exit.is_none());
        [post, update, files].into_iter().flatten().min()
    }

    fn start_what_is_due(&mut self) {
        let now = Instant::now();
        let ending = self.exit.is_some();
        let due = |at: Option<Instant>| at.is_some_and(|at| ending || at <= now);
        if self.jobs.updating.is_none() && due(self.config_due) {
            self.start_update();
        }
        if self.jobs.writing.is_none() {
            self.start_writing();
        }
        let settled = self.config_due.is_none()
            && self.jobs.updating.is_none()
            && self.jobs.writing.is_none();
        if self.jobs.filing.is_none() {
            if ending && settled && self.exit_files == ExitFiles::NotYet {
                self.start_exit_files();
            } else if !ending && (due(self.waiting.due) || due(self.waiting.poll)) {
                let names = self.waiting.take(now);
                let upload = self.upload();
                self.jobs.filing = Some(Box::pin(upload.run(names, Vec::new())));
            }
        }
        self.start_artifacts();
        if self.jobs.alerting.is_none() {
            self.start_alert();
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
            let waiting = self.artifacts.versions();
            let mut news = std::mem::replace(&mut progress.bytes_pending, pending) != pending;
            news |= std::mem::replace(&mut progress.artifacts_waiting, waiting) != waiting;
            self.cursor.report(progress) || news
        });
    }
}
