//! What a chunk holds besides plain records is made ready before the chunk is journaled: media become files, rows of tables are kept,
//! snapshots are waited for.
//!
//! This happens off the run's lock and ahead of its turn: several chunks of a session are in the making at once, and are journaled
//! in their order. A record that leans on others (a table on its rows and on the media in its cells) waits for everything
//! before it.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};
use wandbd_media::MediaError;
use wandbd_proto::v1::{self, media::Content, record::Kind};
use wandbd_record::made::Makings;
use wandbd_run::Shelf;
use wandbd_stage::{Stage, StageError};

use crate::{drops::Drops, error::IngestError, hub::private_dir, run_log::RunLog, status::chain};

/// Media of fewer bytes cost their disk more than their processor.
const SMALL: usize = 64 << 10;
/// How many of them are made at once.
const DESKS: usize = 16;
/// Why media are counted that did not become files.
const MEDIA_LOST: &str = "media that could not be made";
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

/// What tables may name: the run's media, and those that are newer than its journal.
struct Known {
    shelf: Shelf,
    news: HashMap<String, Arc<v1::Made>>,
}

impl Makings for Known {
    fn made(&self, id: &str) -> Option<&v1::Made> {
        let news = self.news.get(id).map(|made| &**made);
        news.or_else(|| self.shelf.made(id))
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

type Making = JoinHandle<Result<Ready, IngestError>>;

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

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records, which are moved once"
)]
enum Slot {
    Ready(Ready),
    Making(Making),
}

/// One chunk in the making.
struct Job {
    shop: Arc<Workshop>,
    run: Arc<RunLog>,
    dir: PathBuf,
    news: News,
    slots: Vec<Slot>,
    used: Vec<PathBuf>,
    /// Everything in earlier chunks is made.
    in_turn: bool,
}

impl Job {
    async fn begin(&mut self, record: v1::Record, turn: &mut Turn) -> Result<Slot, IngestError> {
        match record.kind {
            Some(Kind::Media(media)) => {
                if let Some(reason) = self.shop.settled(snapshots_of(&media)).await? {
                    let reason = format!("media {:?} is lost: {reason}", media.id);
                    return Ok(Slot::Ready(self.shop.lost(MEDIA_LOST, reason)));
                }
                let private = wandbd_media::private_files(&media);
                self.used.extend(private.into_iter().map(Path::to_owned));
                let is_table = matches!(media.content, Some(Content::Table(_)));
                if !is_table {
                    return Ok(Slot::Making(self.make(media, None)));
                }
                self.in_turn(turn).await?;
                let known = self.known().await?;
                Ok(Slot::Making(self.make(media, Some(known))))
            }
            Some(Kind::TableRows(rows)) => {
                self.in_turn(turn).await?;
                self.keep(rows).await.map(Slot::Ready)
            }
            Some(Kind::Artifact(artifact)) => self.look_at(artifact).await.map(Slot::Ready),
            kind => Ok(Slot::Ready(Ready::Record(v1::Record { kind }))),
        }
    }

    /// Waits until everything before is made, here and in earlier chunks.
    async fn in_turn(&mut self, turn: &mut Turn) -> Result<(), IngestError> {
        if !self.in_turn {
            turn.come().await;
            self.in_turn = true;
        }
        self.join().await
    }

    async fn join(&mut self) -> Result<(), IngestError> {
        for slot in &mut self.slots {
            if let Slot::Making(making) = slot {
                let ready = making.await.map_err(failed)??;
                *slot = Slot::Ready(ready);
            }
        }
        Ok(())
    }

    async fn known(&self) -> Result<Known, IngestError> {
        let (run, news) = (Arc::clone(&self.run), self.news.clone());
        blocking(move || Known {
            // What leaves the news is on the shelf by then.
            news: news.lock().clone(),
            shelf: run.lock().memory.rows.shelf().clone(),
        })
        .await
    }

    fn make(&self, media: v1::Media, known: Option<Known>) -> Making {
        let (shop, news, dir) = (Arc::clone(&self.shop), self.news.clone(), self.dir.clone());
        tokio::spawn(async move {
            let benches = if is_small(&media) {
                &shop.desks
            } else {
                &shop.benches
            };
            let bench = Arc::clone(benches).acquire_owned().await;
            let made = blocking(move || {
                let _bench = bench;
                let nothing = HashMap::<String, v1::Made>::new();
                let known: &dyn Makings = known.as_ref().map_or(&nothing, |known| known);
                wandbd_media::make(&media, known, &dir)
            });
            match made.await? {
                Ok(made) => {
                    news.put(&made);
                    Ok(Ready::Made(Box::new(made)))
                }
                Err(error) if error.is_disk() => Err(disk_error(error)),
                Err(error) => Ok(shop.lost(MEDIA_LOST, chain(&error))),
            }
        })
    }

    async fn keep(&self, rows: v1::TableRows) -> Result<Ready, IngestError> {
        let alone = Arc::clone(&self.run.tables).lock_owned().await;
        let dir = self.dir.clone();
        let kept = blocking(move || {
            let _alone = alone;
            wandbd_media::append_rows(&dir, &rows)
        });
        match kept.await? {
            Ok(()) => Ok(Ready::Kept),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                Ok(self.shop.lost(MEDIA_LOST, error.to_string()))
            }
            Err(error) => Err(IngestError::io("keep rows of a table in", &self.dir)(error)),
        }
    }

    /// Notes how large the artifact's files are, so that a later change is noticed, and waits for the copies of those that change.
    async fn look_at(&self, mut artifact: v1::Artifact) -> Result<Ready, IngestError> {
        let staged = artifact.file.iter().filter(|file| file.staged);
        let staged = staged.map(|file| PathBuf::from(&file.source)).collect();
        let lost = self.shop.settled(staged).await?;
        let stage = self.shop.stage.clone();
        let looked = blocking(move || {
            let reason = match lost {
                Some(reason) => Some(reason),
                None => measure(&mut artifact, &stage).err(),
            };
            (artifact, reason)
        });
        let (artifact, reason) = looked.await?;
        let Some(reason) = reason else {
            let kind = Some(Kind::Artifact(artifact));
            return Ok(Ready::Record(v1::Record { kind }));
        };
        self.shop.drops.count(ARTIFACT_LOST, 1);
        Ok(Ready::Lost {
            reason: format!("artifact {:?} is lost: {reason}", artifact.name),
            client_id: artifact.client_id,
        })
    }
}

/// Sizes of files of this machine, and digests that were taken with their copies. References say their own.
fn measure(artifact: &mut v1::Artifact, stage: &Stage) -> Result<(), String> {
    for file in &mut artifact.file {
        if file.source.is_empty() {
            continue;
        }
        let about = fs::metadata(&file.source)
            .map_err(|error| format!("cannot read {}: {error}", file.source))?;
        if !about.is_file() {
            return Err(format!("{} is not a regular file", file.source));
        }
        file.size = about.len();
        let taken = stage.digest(Path::new(&file.source));
        file.digest = taken.map_or_else(String::new, |md5| BASE64_STANDARD.encode(md5));
    }
    Ok(())
}

/// All of its data came with it, and there is little.
fn is_small(media: &v1::Media) -> bool {
    let elsewhere = matches!(media.content, Some(Content::File(_) | Content::Table(_)))
        || !wandbd_media::private_files(media).is_empty();
    !elsewhere && media.encoded_len() < SMALL
}

/// Snapshots among the files of a media: their copies may still be under way.
fn snapshots_of(media: &v1::Media) -> Vec<PathBuf> {
    match &media.content {
        Some(Content::File(file)) if file.staged => vec![PathBuf::from(&file.path)],
        _ => Vec::new(),
    }
}

fn disk_error(error: MediaError) -> IngestError {
    match error {
        MediaError::Io { path, source, .. } => IngestError::io("write", &path)(source),
        error => IngestError::Invalid(chain(&error)),
    }
}

fn sync_dir(dir: &Path) -> Result<(), IngestError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(IngestError::io("sync", dir))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: tokio::task::JoinError) -> IngestError {
    IngestError::Invalid(format!("bug: making something ready failed: {error}"))
}
