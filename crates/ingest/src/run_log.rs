//! One run: its rows in the making, its sessions, and its journal.
//!
//! Its state lies behind a lock that is held while the disk is written to, and a file system can hang. So nobody who serves other runs, too,
//! takes that lock: questions are answered by the [`Glance`], and work on the disk goes through [`RunLog::with_disk`], one piece of work
//! of a run at a time, on a thread for blocking work. A file system that hangs costs its run's answers and one thread.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use wandbd_journal::{Committer, Journal, Position, Urgency};
use wandbd_proto::{
    v1::{self, run::State},
    wandb,
};

use crate::{
    delivery::Delivery,
    error::IngestError,
    glance::{Glance, Seen},
    load::{Loaded, load},
    memory::Memory,
};

/// A run that this daemon keeps. Shared by its sessions, its minder and its uploader.
pub struct RunLog {
    opened: v1::Opened,
    path: PathBuf,
    /// The path without links, to know it again.
    real_path: PathBuf,
    pub(crate) committer: Arc<Committer>,
    state: Mutex<Inner>,
    glance: Glance,
    /// Held by the one piece of work on the disk.
    disk: Arc<tokio::sync::Mutex<()>>,
    /// Held by who keeps rows of tables.
    pub(crate) tables: Arc<tokio::sync::Mutex<()>>,
    /// Something is to be appended by [`RunLog::append_soon`].
    appending: AtomicBool,
    delivery: watch::Sender<Delivery>,
    /// When it was read from disk, if an earlier daemon left it.
    adopted: Option<Instant>,
    /// The program still looks at the run's surroundings; what it finds belongs before the end.
    awaits_facts: AtomicBool,
    /// Wakes the minder.
    pub(crate) changed: Notify,
}

pub(crate) struct Inner {
    pub(crate) journal: Journal,
    pub(crate) memory: Memory,
    /// After the last group.
    pub(crate) end: Position,
    /// An append failed after `memory` had moved on: read it back before the next one.
    pub(crate) stale: bool,
}

impl RunLog {
    /// A new run with an empty journal at `path`; the group that opens it is appended.
    pub(crate) fn create(
        committer: &Arc<Committer>,
        path: &Path,
        opened: v1::Opened,
        records: Vec<wandb::Record>,
    ) -> Result<Self, IngestError> {
        let start = opened.run.as_ref().map_or(0.0, |run| run.start_time);
        let journal = Journal::create(committer, path).map_err(|source| IngestError::Journal {
            run: run_id(&opened).to_owned(),
            source,
        })?;
        let mut memory = Memory::new(start);
        for record in &records {
            memory.replay(run_id(&opened), record, &v1::Note::default());
        }
        let log = Self::with(committer, path, opened, (journal, Position::START), memory);
        log.append_own(records, Urgency::Now)?;
        Ok(log)
    }

    /// A run whose journal an earlier daemon left. Its tail is cut back to the last complete group.
    pub(crate) fn adopt(committer: &Arc<Committer>, path: &Path) -> Result<Self, IngestError> {
        let Loaded {
            opened,
            memory,
            scan,
        } = load(committer.files(), path)?;
        for damage in &scan.damaged {
            tracing::error!(journal = %path.display(), ?damage, "part of a journal cannot be read; the rest is kept");
        }
        if scan.cut_bytes > 0 {
            tracing::warn!(journal = %path.display(), bytes = scan.cut_bytes, "unfinished end of a journal cut off; it was acknowledged to nobody");
        }
        let journal =
            Journal::resume(committer, path, &scan).map_err(|source| IngestError::Journal {
                run: run_id(&opened).to_owned(),
                source,
            })?;
        if memory.ended {
            journal.close();
        }
        let run = Self::with(committer, path, opened, (journal, scan.end), memory);
        Ok(Self {
            adopted: Some(Instant::now()),
            awaits_facts: AtomicBool::new(false),
            ..run
        })
    }

    fn with(
        committer: &Arc<Committer>,
        path: &Path,
        opened: v1::Opened,
        (journal, end): (Journal, Position),
        memory: Memory,
    ) -> Self {
        let offline = opened.run.as_ref().is_some_and(|run| run.offline);
        let state = if offline { State::Offline } else { State::Live };
        Self {
            opened,
            path: path.to_owned(),
            real_path: std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            committer: Arc::clone(committer),
            glance: Glance::new(&journal, &memory),
            state: Mutex::new(Inner {
                journal,
                memory,
                end,
                stale: false,
            }),
            disk: Arc::default(),
            tables: Arc::default(),
            appending: AtomicBool::new(false),
            delivery: watch::Sender::new(Delivery {
                state,
                ..Delivery::default()
            }),
            adopted: None,
            awaits_facts: AtomicBool::new(true),
            changed: Notify::new(),
        }
    }

    /// The state. Blocking: whoever writes to the disk holds it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without waiting for the disk. Not to be held while anything else is.
    pub(crate) fn see(&self) -> MutexGuard<'_, Seen> {
        self.glance.see()
    }

    /// After every change of the state.
    pub(crate) fn refresh(&self, inner: &Inner) {
        self.glance.update(&inner.journal, &inner.memory);
    }

    /// Does work that may wait for the disk on a thread for such work, after what other tasks began for this run.
    ///
    /// # Errors
    /// When the work panicked, or the runtime ends.
    pub(crate) async fn with_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&RunLog) -> T + Send + 'static,
    ) -> Result<T, IngestError> {
        let alone = Arc::clone(&self.disk).lock_owned().await;
        let run = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            work(&run)
        });
        done.await
            .map_err(|error| IngestError::Invalid(format!("bug: work on a run failed: {error}")))
    }

    #[cfg(test)]
    pub(crate) fn with_disk_is_free(&self) -> bool {
        self.disk.try_lock().is_ok()
    }

    /// Appends records of the daemon's own without waiting: false when the disk is still busy with earlier ones, and these are lost.
    pub fn append_soon(self: &Arc<Self>, records: Vec<wandb::Record>) -> bool {
        if self.appending.swap(true, Ordering::AcqRel) {
            return false;
        }
        let run = Arc::clone(self);
        tokio::spawn(async move {
            let appended = run
                .with_disk(move |run| run.append_own(records, Urgency::Normal))
                .await;
            run.appending.store(false, Ordering::Release);
            if let Ok(Err(error)) | Err(error) = appended
                && !run.has_ended()
            {
                tracing::warn!(run = run.run_id(), %error, "records of the daemon's own are lost");
            }
        });
        true
    }

    /// What was said when the run was opened.
    pub fn opened(&self) -> &v1::Opened {
        &self.opened
    }

    /// The open message without its secrets; empty for a journal that lacks it.
    pub fn open(&self) -> v1::OpenRun {
        self.opened.run.clone().unwrap_or_default()
    }

    /// W&B's id of the run.
    pub fn run_id(&self) -> &str {
        run_id(&self.opened)
    }

    /// Unix seconds at which the run began.
    pub(crate) fn start_time(&self) -> f64 {
        self.opened.run.as_ref().map_or(0.0, |run| run.start_time)
    }

    /// Path of the journal.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal, for its tail. After a failed sync a later call gives another one.
    pub fn journal(&self) -> Journal {
        self.see().journal.clone()
    }

    /// Whether this is the file of the run, by whatever name. `path` is one without links.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        self.path == path || self.real_path == path
    }

    /// The exit record is written.
    pub fn has_ended(&self) -> bool {
        self.see().ended
    }

    /// How far it is delivered, as the uploader said last.
    pub fn delivery(&self) -> watch::Receiver<Delivery> {
        self.delivery.subscribe()
    }

    /// For the uploader. When the server had something of the run, the minder journals where it goes on before anybody is told.
    pub fn set_delivery(&self, change: impl FnOnce(&mut Delivery)) {
        let mut continues = false;
        self.delivery.send_if_modified(|delivery| {
            let before = delivery.clone();
            change(delivery);
            if let Some(opened) = &delivery.opened
                && !delivery.settled
            {
                continues = opened.continues();
                delivery.settled = !continues;
            }
            *delivery != before
        });
        if continues {
            self.changed.notify_one();
        }
    }

    /// What the server said of a run that it had, until that is journaled.
    pub(crate) fn unsettled(&self) -> Option<Arc<wandbd_run::Opened>> {
        let delivery = self.delivery.borrow();
        delivery.opened.clone().filter(|_| !delivery.settled)
    }

    /// Journals where the run goes on. Blocking.
    pub(crate) fn settle(&self, opened: &wandbd_run::Opened) -> Result<(), IngestError> {
        let mut inner = self.fresh()?;
        if !inner.memory.ended {
            let mut out = Vec::new();
            inner.memory.rows.go_on(opened, &mut out);
            if !out.is_empty() {
                self.append_group(&mut inner, out, ("", 0), Urgency::Now)?;
            }
        }
        drop(inner);
        self.set_delivery(|delivery| delivery.settled = true);
        Ok(())
    }

    /// The owner has given up waiting for the server: what was not opened there is not to be sent.
    pub fn is_abandoned(&self) -> bool {
        self.see().exit.is_some_and(|exit| exit.abandoned)
    }

    /// The exit that the owner announced.
    pub(crate) fn announced_exit(&self) -> Option<v1::Exit> {
        self.see().exit
    }

    /// Closes the open rows, writes the exit record and closes the journal. Over when what is returned is durable.
    pub(crate) fn end(&self, exit_code: i32) -> Result<(Journal, Position), IngestError> {
        let mut inner = self.fresh()?;
        if !inner.memory.ended {
            let mut out = Vec::new();
            let last = inner.memory.last_time;
            let at = inner
                .memory
                .exit
                .as_ref()
                .map_or(last, |exit| exit.timestamp);
            inner.memory.rows.end_run(exit_code, at, &mut out);
            self.append_group(&mut inner, out, ("", 0), Urgency::Now)?;
            inner.memory.ended = true;
            inner.journal.close();
            self.refresh(&inner);
        }
        Ok((inner.journal.clone(), inner.end))
    }

    /// After a failure: reads the run back from its file, so that what it remembers is what is there.
    pub(crate) fn read_back(&self) {
        if let Err(error) = self.fresh() {
            tracing::warn!(run = self.run_id(), %error, "journal not usable yet");
        }
    }

    /// The program has looked at the run's surroundings, whatever came of it.
    pub fn facts_are_in(&self) {
        self.awaits_facts.store(false, Ordering::Release);
        self.changed.notify_one();
    }

    /// True until then, for a run that was opened here.
    pub(crate) fn awaits_facts(&self) -> bool {
        self.awaits_facts.load(Ordering::Acquire)
    }

    /// True for so long after an adoption: sessions of an earlier daemon need a moment to come back.
    pub(crate) fn is_fresh_from_disk(&self, grace: Duration) -> bool {
        self.adopted
            .is_some_and(|adopted| adopted.elapsed() < grace)
    }

    /// The step that the run's next row gets.
    pub(crate) fn next_step(&self) -> i64 {
        self.see().next_step
    }
}

fn run_id(opened: &v1::Opened) -> &str {
    opened.run.as_ref().map_or("", |run| run.run_id.as_str())
}
