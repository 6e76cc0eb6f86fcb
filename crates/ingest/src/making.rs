//! What a chunk holds besides plain records is made ready before the chunk is journaled: media become files, rows of tables are kept,
//! snapshots are waited for.
//!
//! This happens off the run's lock and ahead of its turn: several chunks of a session are in the making at once, and are journaled
//! in their order. A record that leans on others (a table on its rows and on the media in its cells) waits for everything
//! before it.

mod job;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, oneshot};
use wandbd_proto::v1::{self, record::Kind};
use wandbd_stage::{Stage, StageError};

use crate::{
    drops::Drops,
    error::IngestError,
    hub::private_dir,
    making::job::{Job, Slot, blocking, sync_dir},
    run_log::RunLog,
    status::chain,
};

/// How many of them are made at once.
const DESKS: usize = 16;
/// Why artifacts are counted whose files were gone.
pub(crate) const ARTIFACT_LOST: &str = "artifacts whose files could not be read";

/// A record that is ready to be journaled.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records, which are moved once"
)]
pub(crate) enum Ready {
    /// As it came.
    Record(v1::Record),
    /// What came of a media.
    Made(Box<v1::Made>),
    /// Rows of a table, kept elsewhere.
    Kept,
    /// Not to be taken, and why.
    Refused(String),
    /// An artifact that is lost before it was accepted, and why.
    Lost { client_id: String, reason: String },
}

/// A chunk whose records are ready.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) first_seq: u64,
    pub(crate) records: Vec<Ready>,
    /// Private files that nobody needs any more once this is durable.
    pub(crate) used: Vec<PathBuf>,
}

impl Prepared {
    /// Ids of the media in it.
    pub(crate) fn made(&self) -> Vec<String> {
        let id = |ready: &Ready| match ready {
            Ready::Made(made) => Some(made.id.clone()),
            _ => None,
        };
        self.records.iter().filter_map(id).collect()
    }

    /// A chunk of plain records.
    pub(crate) fn plain(chunk: v1::Chunk) -> Self {
        Self {
            first_seq: chunk.first_seq,
            records: chunk.record.into_iter().map(Ready::Record).collect(),
            used: Vec::new(),
        }
    }
}

/// Whether something is to be done before the chunk can be journaled; in words.
pub(crate) fn work_in(chunk: &v1::Chunk) -> Option<String> {
    let (mut media, mut rows, mut artifacts) = (0, 0, 0);
    for record in &chunk.record {
        match &record.kind {
            Some(Kind::Media(_)) => media += 1,
            Some(Kind::TableRows(_)) => rows += 1,
            Some(Kind::Artifact(artifact)) if !artifact.file.is_empty() => artifacts += 1,
            _ => {}
        }
    }
    match (media, rows, artifacts) {
        (0, 0, 0) => None,
        (0, 0, _) => Some("copies of files".to_owned()),
        (0, _, _) => Some("rows of tables".to_owned()),
        _ => Some("media".to_owned()),
    }
}

/// Where things are made; one for the whole daemon.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) stage: Stage,
    drops: Arc<Drops>,
    /// For work: half of the processors, because the other half trains.
    benches: Arc<Semaphore>,
    /// For small things, which wait for the disk most of the time.
    desks: Arc<Semaphore>,
}

/// What a session has made and not yet journaled.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<Mutex<HashMap<String, Arc<v1::Made>>>>);

impl News {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<v1::Made>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, made: &v1::Made) {
        self.lock().insert(made.id.clone(), Arc::new(made.clone()));
    }

    /// It is in the journal: the run knows it.
    pub(crate) fn forget(&self, made: &[String]) {
        if made.is_empty() {
            return;
        }
        let mut news = self.lock();
        for id in made {
            news.remove(id);
        }
    }
}

/// The place of a chunk among those of its session: `before` comes when all earlier ones are made, `after` tells the next.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) before: Option<oneshot::Receiver<()>>,
    pub(crate) after: Option<oneshot::Sender<()>>,
}

impl Turn {
    async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            // When the one before failed, its session is over and so is this.
            before.await.ok();
        }
    }

    async fn end(mut self) {
        self.come().await;
        if let Some(after) = self.after.take() {
            after.send(()).ok();
        }
    }
}

impl Workshop {
    pub(crate) fn new(stage: Stage, drops: Arc<Drops>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            stage,
            drops,
            benches: Arc::new(Semaphore::new((processors / 2).max(1))),
            desks: Arc::new(Semaphore::new(DESKS)),
        }
    }

    /// Makes everything in the chunk ready that is newer than `known`, and syncs it to disk.
    ///
    /// # Errors
    /// When the disk fails or the daemon stops: nothing is lost, the client sends the chunk again.
    pub(crate) async fn prepare(
        self: Arc<Self>,
        run: Arc<RunLog>,
        chunk: v1::Chunk,
        known: u64,
        news: News,
        mut turn: Turn,
    ) -> Result<Prepared, IngestError> {
        let mut job = Job {
            shop: self,
            dir: run.path().with_file_name("made"),
            run,
            news,
            slots: Vec::with_capacity(chunk.record.len()),
            used: Vec::new(),
            in_turn: false,
        };
        let makes =
            |record: &v1::Record| matches!(record.kind, Some(Kind::Media(_) | Kind::TableRows(_)));
        let makes = chunk.record.iter().any(makes);
        let dir = job.dir.clone();
        if makes {
            let dir = dir.clone();
            blocking(move || private_dir(&dir)).await??;
        }
        for (seq, record) in (chunk.first_seq..).zip(chunk.record) {
            let slot = if seq <= known {
                Slot::Ready(Ready::Kept) // journaled already, and skipped there
            } else {
                job.begin(record, &mut turn).await?
            };
            job.slots.push(slot);
        }
        job.join().await?;
        if makes {
            blocking(move || sync_dir(&dir)).await??;
        }
        turn.end().await;
        let ready = |slot| match slot {
            Slot::Ready(ready) => ready,
            Slot::Making(_) => Ready::Refused("bug: a media was not waited for".to_owned()),
        };
        Ok(Prepared {
            first_seq: chunk.first_seq,
            records: job.slots.into_iter().map(ready).collect(),
            used: job.used,
        })
    }

    fn lost(&self, why: &'static str, reason: String) -> Ready {
        self.drops.count(why, 1);
        Ready::Refused(reason)
    }

    /// Removes private files that were read. Blocking.
    pub(crate) fn tidy(&self, used: &[PathBuf]) {
        for path in used {
            self.stage.remove(path);
        }
    }

    /// Waits until snapshots are complete and on disk; a sentence when one of them never will be.
    async fn settled(&self, staged: Vec<PathBuf>) -> Result<Option<String>, IngestError> {
        let ours: Vec<PathBuf> = staged
            .into_iter()
            .filter(|path| path.starts_with(self.stage.dir()))
            .collect();
        if ours.is_empty() {
            return Ok(None);
        }
        match self.stage.all_settled(&ours).await {
            Ok(()) => Ok(None),
            Err(StageError::Stopped) => Err(IngestError::Stopped),
            Err(error) => Ok(Some(chain(&error))),
        }
    }
}
