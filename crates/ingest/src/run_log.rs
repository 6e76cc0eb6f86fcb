//! One run: its rows in the making, its sessions, and its journal.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use wandbd_journal::{Committer, Journal, JournalError, Position, Urgency, rehome};
use wandbd_proto::{
    v1::{self, record::Kind, run::State},
    wandb,
};

use crate::{
    delivery::Delivery,
    error::IngestError,
    load::{Loaded, load},
    memory::Memory,
    status::chain,
};

/// A run that this daemon keeps. Shared by its sessions, its minder and its uploader.
pub struct RunLog {
    opened: v1::Opened,
    path: PathBuf,
    committer: Arc<Committer>,
    state: Mutex<Inner>,
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
    /// Sessions that hold a stream now.
    pub(crate) connected: std::collections::HashMap<String, usize>,
    /// After the last group.
    pub(crate) end: Position,
    /// Why the last append failed; empty when it did not.
    pub(crate) trouble: String,
    /// An append failed after `memory` had moved on: read it back before the next one.
    stale: bool,
}

/// What became of a chunk.
pub(crate) struct Appended {
    /// The journal that was appended to; a later one may be another.
    pub(crate) journal: Journal,
    /// Durable when that journal is durable up to here.
    pub(crate) position: Position,
    /// The last sequence number of the session that is in the journal.
    pub(crate) seq: u64,
    /// Records that were not taken, by sequence number.
    pub(crate) refused: Vec<v1::Refusal>,
    /// How many of them came after the run's end.
    pub(crate) late: u64,
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
            committer: Arc::clone(committer),
            state: Mutex::new(Inner {
                journal,
                memory,
                connected: std::collections::HashMap::new(),
                end,
                trouble: String::new(),
                stale: false,
            }),
            delivery: watch::Sender::new(Delivery {
                state,
                ..Delivery::default()
            }),
            adopted: None,
            awaits_facts: AtomicBool::new(true),
            changed: Notify::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Path of the journal.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal, for its tail. After a failed sync a later call gives another one.
    pub fn journal(&self) -> Journal {
        self.lock().journal.clone()
    }

    /// The exit record is written.
    pub fn has_ended(&self) -> bool {
        self.lock().memory.ended
    }

    /// How far it is delivered, as the uploader said last.
    pub fn delivery(&self) -> watch::Receiver<Delivery> {
        self.delivery.subscribe()
    }

    /// For the uploader.
    pub fn set_delivery(&self, change: impl FnOnce(&mut Delivery)) {
        self.delivery.send_if_modified(|delivery| {
            let before = delivery.clone();
            change(delivery);
            *delivery != before
        });
    }

    /// Takes in what a session sent. What is in the journal already is skipped; a bad record is refused and the others are kept.
    pub(crate) fn append_chunk(
        &self,
        session: &str,
        chunk: v1::Chunk,
    ) -> Result<Appended, IngestError> {
        let mut inner = self.fresh()?;
        let known = inner.memory.sessions.get(session).copied().unwrap_or(0);
        if inner.memory.ended {
            return Ok(too_late(&chunk, known, &inner));
        }
        if chunk.first_seq > known + 1 {
            return Err(IngestError::Missing {
                run: self.run_id().to_owned(),
                session: session.to_owned(),
                expected: known + 1,
                got: chunk.first_seq - 1,
            });
        }
        let last = chunk.first_seq + chunk.record.len() as u64;
        let new = usize::try_from(known + 1 - chunk.first_seq).unwrap_or(usize::MAX);
        let mut out = Vec::with_capacity(chunk.record.len() + 2);
        let mut refused = Vec::new();
        let mut urgency = Urgency::Normal;
        for (seq, record) in (chunk.first_seq..).zip(chunk.record).skip(new) {
            if matches!(record.kind, Some(Kind::Exit(_))) {
                urgency = Urgency::Now;
            }
            if let Err(reason) = inner.memory.take(session, record, &mut out) {
                refused.push(v1::Refusal { seq, reason });
            }
            let warnings = inner.memory.rows.take_warnings();
            refused.extend(
                warnings
                    .into_iter()
                    .map(|reason| v1::Refusal { seq, reason }),
            );
        }
        let seq = last.saturating_sub(1).max(known);
        let position = if seq > known {
            self.append_group(&mut inner, out, (session, seq), urgency)?
        } else {
            inner.end
        };
        let journal = inner.journal.clone();
        drop(inner);
        if urgency == Urgency::Now {
            self.changed.notify_one();
        }
        Ok(Appended {
            journal,
            position,
            seq,
            refused,
            late: 0,
        })
    }

    /// Appends records of the daemon's own: system metrics, facts about the machine, artifacts that are hashed.
    ///
    /// # Errors
    /// [`IngestError::Journal`], and [`IngestError::Invalid`] when the run has ended.
    pub fn append_own(
        &self,
        records: Vec<wandb::Record>,
        urgency: Urgency,
    ) -> Result<Position, IngestError> {
        let mut inner = self.fresh()?;
        if inner.memory.ended {
            return Err(IngestError::Invalid(format!(
                "run {} has ended",
                self.run_id()
            )));
        }
        self.append_group(&mut inner, records, ("", 0), urgency)
    }

    /// Writes one group: the summary changes, the records, and the note that ends it.
    pub(crate) fn append_group(
        &self,
        inner: &mut Inner,
        mut records: Vec<wandb::Record>,
        (session, seq): (&str, u64),
        urgency: Urgency,
    ) -> Result<Position, IngestError> {
        if let Some(summary) = inner.memory.rows.take_summary() {
            records.insert(0, summary);
        }
        if records.is_empty() {
            records.push(wandbd_record::note::carrier(v1::Note::default()));
        }
        for record in &mut records {
            inner.memory.num += 1;
            record.num = inner.memory.num;
        }
        if let Some(last) = records.last_mut() {
            let durable = inner.journal.durable().0;
            let amended = wandbd_record::note::amend(last, |note| {
                note.group_end = true;
                if !session.is_empty() {
                    session.clone_into(&mut note.session);
                    note.seq = seq;
                }
                note.durable = durable;
            });
            amended.map_err(|source| IngestError::Record {
                run: self.run_id().to_owned(),
                source: source.into(),
            })?;
        }
        let frames: Vec<Vec<u8>> = records.iter().map(wandbd_record::note::encode).collect();
        match inner.journal.append(&frames, urgency) {
            Ok(position) => {
                if !std::mem::take(&mut inner.trouble).is_empty() {
                    tracing::info!(run = self.run_id(), "journal takes records again");
                }
                inner.end = position;
                if !session.is_empty() {
                    inner.memory.sessions.insert(session.to_owned(), seq);
                }
                Ok(position)
            }
            Err(source) => {
                inner.stale = true;
                let error = IngestError::Journal {
                    run: self.run_id().to_owned(),
                    source,
                };
                let trouble = chain(&error);
                if inner.trouble != trouble {
                    tracing::warn!(
                        cause = trouble,
                        "records not journaled; their clients keep them"
                    );
                    inner.trouble = trouble;
                }
                Err(error)
            }
        }
    }

    /// The state, read back from the file first if an append went wrong.
    pub(crate) fn fresh(&self) -> Result<MutexGuard<'_, Inner>, IngestError> {
        let mut inner = self.lock();
        let failed = inner.journal.committed().borrow().failed.is_some();
        if inner.stale || failed {
            self.recover(&mut inner, failed)?;
        }
        Ok(inner)
    }

    /// After a failed sync the file is not trusted past its durable end: what is durable moves to a new file. After a failed
    /// append the file is good and only our memory is ahead of it.
    fn recover(&self, inner: &mut Inner, failed: bool) -> Result<(), IngestError> {
        let error = |source: JournalError| IngestError::Journal {
            run: self.run_id().to_owned(),
            source,
        };
        if failed {
            let durable = inner.journal.durable();
            rehome(self.committer.files(), &self.path, durable).map_err(error)?;
            tracing::warn!(journal = %self.path.display(), %durable, "journal moved to a new file after a failed sync");
        }
        let loaded = load(self.committer.files(), &self.path)?;
        if failed {
            inner.journal =
                Journal::resume_at(&self.committer, &self.path, loaded.scan.end).map_err(error)?;
        }
        inner.memory = loaded.memory;
        inner.end = loaded.scan.end;
        inner.stale = false;
        Ok(())
    }

    /// The exit that the owner announced.
    pub(crate) fn announced_exit(&self) -> Option<v1::Exit> {
        self.lock().memory.exit
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
        self.lock().memory.rows.next_step()
    }
}

/// Everything new in the chunk is refused; what was journaled before the end is acknowledged.
fn too_late(chunk: &v1::Chunk, known: u64, inner: &Inner) -> Appended {
    let last = (chunk.first_seq + chunk.record.len() as u64).saturating_sub(1);
    let refused: Vec<_> = (chunk.first_seq.max(known + 1)..=last)
        .map(|seq| v1::Refusal {
            seq,
            reason: "the run has ended; start a new one with init()".into(),
        })
        .collect();
    Appended {
        journal: inner.journal.clone(),
        position: inner.end,
        seq: last.max(known),
        late: refused.len() as u64,
        refused,
    }
}

fn run_id(opened: &v1::Opened) -> &str {
    opened.run.as_ref().map_or("", |run| run.run_id.as_str())
}
