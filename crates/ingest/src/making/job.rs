//! One chunk in the making.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use tokio::task::JoinHandle;
use wandbd_media::MediaError;
use wandbd_proto::v1::{self, media::Content, record::Kind};
use wandbd_record::made::Makings;
use wandbd_run::Shelf;
use wandbd_stage::Stage;

use super::{ARTIFACT_LOST, News, Ready, Turn, Workshop};
use crate::{error::IngestError, run_log::RunLog, status::chain};

/// Why media are counted that did not become files.
const MEDIA_LOST: &str = "media that could not be made";
/// Media of fewer bytes cost their disk more than their processor.
const SMALL: usize = 64 << 10;

type Making = JoinHandle<Result<Ready, IngestError>>;

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

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records, which are moved once"
)]
pub(super) enum Slot {
    Ready(Ready),
    Making(Making),
}

/// One chunk in the making.
pub(super) struct Job {
    pub(super) shop: Arc<Workshop>,
    pub(super) run: Arc<RunLog>,
    pub(super) dir: PathBuf,
    pub(super) news: News,
    pub(super) slots: Vec<Slot>,
    pub(super) used: Vec<PathBuf>,
    /// Everything in earlier chunks is made.
    pub(super) in_turn: bool,
}

impl Job {
    pub(super) async fn begin(
        &mut self,
        record: v1::Record,
        turn: &mut Turn,
    ) -> Result<Slot, IngestError> {
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

    pub(super) async fn join(&mut self) -> Result<(), IngestError> {
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

pub(super) fn sync_dir(dir: &Path) -> Result<(), IngestError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(IngestError::io("sync", dir))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: tokio::task::JoinError) -> IngestError {
    IngestError::Invalid(format!("bug: making something ready failed: {error}"))
}
