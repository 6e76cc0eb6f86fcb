//! Records to the journal of a run: one group at a time, and what happens when the disk fails.

use std::{
    path::{Path, PathBuf},
    sync::MutexGuard,
};

use wandbd_journal::{Journal, JournalError, Position, Urgency, rehome};
use wandbd_proto::{
    v1::{self, record::Kind},
    wandb,
};

use crate::{
    error::IngestError,
    files,
    load::load,
    making::{Prepared, Ready},
    media,
    memory::Memory,
    run_log::{Inner, RunLog},
    status::chain,
};

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
    /// Private files that nobody needs once this is durable.
    pub(crate) used: Vec<PathBuf>,
}

impl RunLog {
    /// Takes in what a session sent. What is in the journal already is skipped; a bad record is refused and the others are kept.
    pub(crate) fn append_chunk(
        &self,
        session: &str,
        chunk: Prepared,
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
        let last = chunk.first_seq + chunk.records.len() as u64;
        let seq = last.saturating_sub(1).max(known);
        let used = chunk.used;
        let new = usize::try_from(known + 1 - chunk.first_seq).unwrap_or(usize::MAX);
        let new = (chunk.first_seq..).zip(chunk.records).skip(new);
        let (out, mut refused, urgency) = self.take_all(&mut inner, session, new);
        let mut told = Vec::new();
        self.link_media(&mut inner, &mut told)?;
        refused.extend(told.into_iter().map(|reason| v1::Refusal { seq, reason }));
        let position = if seq > known {
            self.append_group(&mut inner, out, (session, seq), urgency)?
        } else {
            inner.end
        };
        let journal = inner.journal.clone();
        drop(inner);
        if urgency == Urgency::Now || self.see().artifacts_wait {
            self.changed.notify_one();
        }
        Ok(Appended {
            journal,
            position,
            seq,
            refused,
            late: 0,
            used,
        })
    }

    /// Records of a session, in order: what is to be journaled, what is refused, and how soon it is to be on disk.
    fn take_all(
        &self,
        inner: &mut Inner,
        session: &str,
        records: impl Iterator<Item = (u64, Ready)>,
    ) -> (Vec<wandb::Record>, Vec<v1::Refusal>, Urgency) {
        let files = self.path().with_file_name("files");
        let mut out = Vec::with_capacity(records.size_hint().0 + 2);
        let (mut refused, mut urgency) = (Vec::new(), Urgency::Normal);
        for (seq, ready) in records {
            if is_exit(&ready) {
                urgency = Urgency::Now;
            }
            let mut told = Vec::new();
            let memory = &mut inner.memory;
            if let Err(reason) = take(memory, session, ready, &mut out, (&files, &mut told)) {
                refused.push(v1::Refusal { seq, reason });
            }
            told.append(&mut memory.rows.take_warnings());
            refused.extend(told.into_iter().map(|reason| v1::Refusal { seq, reason }));
        }
        (out, refused, urgency)
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
        let mut told = Vec::new();
        self.link_media(inner, &mut told)?;
        for reason in told {
            tracing::error!(run = self.run_id(), reason, "media lost");
        }
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
                if !std::mem::take(&mut self.see().trouble).is_empty() {
                    tracing::info!(run = self.run_id(), "journal takes records again");
                }
                inner.end = position;
                if !session.is_empty() {
                    inner.memory.sessions.insert(session.to_owned(), seq);
                }
                self.refresh(inner);
                Ok(position)
            }
            Err(source) => {
                inner.stale = true;
                let error = IngestError::Journal {
                    run: self.run_id().to_owned(),
                    source,
                };
                let trouble = chain(&error);
                let before = std::mem::replace(&mut self.see().trouble, trouble.clone());
                if before != trouble {
                    tracing::warn!(
                        cause = trouble,
                        "records not journaled; their clients keep them"
                    );
                }
                Err(error)
            }
        }
    }

    /// Files of media that closed rows name get their places before these rows are journaled.
    fn link_media(&self, inner: &mut Inner, told: &mut Vec<String>) -> Result<(), IngestError> {
        let media = inner.memory.rows.take_files();
        if media.is_empty() {
            return Ok(());
        }
        let folder = self.path().with_file_name("files");
        let linked = media::link(&folder, &media, told);
        linked.map_err(|error| {
            inner.stale = true;
            IngestError::io("link media below", &folder)(error)
        })
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
            rehome(self.committer.files(), self.path(), durable).map_err(error)?;
            tracing::warn!(journal = %self.path().display(), %durable, "journal moved to a new file after a failed sync");
        }
        let loaded = load(self.committer.files(), self.path())?;
        if failed {
            inner.journal =
                Journal::resume_at(&self.committer, self.path(), loaded.scan.end).map_err(error)?;
        }
        inner.memory = loaded.memory;
        inner.end = loaded.scan.end;
        inner.stale = false;
        self.refresh(inner);
        Ok(())
    }
}

fn is_exit(ready: &Ready) -> bool {
    matches!(ready, Ready::Record(record) if matches!(record.kind, Some(Kind::Exit(_))))
}

/// One record of a session; `Err` is why it is refused.
fn take(
    memory: &mut Memory,
    session: &str,
    ready: Ready,
    out: &mut Vec<wandb::Record>,
    (files, told): (&Path, &mut Vec<String>),
) -> Result<(), String> {
    match ready {
        Ready::Record(record) => {
            let record = linked(files, record, told)?;
            memory.take(session, record, out)
        }
        Ready::Made(made) => {
            memory.rows.learn(*made, out);
            Ok(())
        }
        Ready::Kept => Ok(()),
        Ready::Refused(reason) => Err(reason),
        Ready::Lost { client_id, reason } => {
            memory.lose(&client_id, reason.clone());
            Err(reason)
        }
    }
}

/// The record, once the files that it names lie where they are looked for.
fn linked(
    files: &Path,
    mut record: v1::Record,
    told: &mut Vec<String>,
) -> Result<v1::Record, String> {
    if let Some(Kind::Save(save)) = record.kind {
        record.kind = Some(Kind::Save(files::place(files, save, told)?));
    }
    Ok(record)
}

/// Everything new in the chunk is refused; what was journaled before the end is acknowledged.
fn too_late(chunk: &Prepared, known: u64, inner: &Inner) -> Appended {
    let last = (chunk.first_seq + chunk.records.len() as u64).saturating_sub(1);
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
        used: Vec::new(),
    }
}
