//! Files are taken over here; see the crate.

use std::{
    fs::File,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Instant,
};

use crate::{
    books::free,
    copy::{clone, copy},
    error::StageError,
    lease::Leased,
    origin::{Mark, Origin, open},
    queue::{Job, Queue},
};

/// Smaller files are copied at once: a lease would cost as much.
const AT_ONCE: u64 = 64 << 10;
/// Left free on the disk.
const SPARE: u64 = 64 << 20;

/// A file to keep, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Absolute path of a regular file.
    pub source: PathBuf,
    /// Absolute path below the staging directory; its folder is there, it is not.
    pub target: PathBuf,
}

/// How a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is not: who asked copies it.
    NotKept,
    /// Complete, without a copy.
    Cloned,
    /// It is being copied; who opens it for writing waits until that is done.
    Leased,
    /// Complete.
    Copied,
}

/// The staging directory. Copies of this value are the same one.
#[derive(Clone)]
pub struct Stage {
    pub(crate) queue: Arc<Queue>,
    limit: u64,
    pub(crate) measured: Arc<Mutex<Option<Instant>>>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("dir", &self.dir())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// The directory need not exist yet.
    pub fn new(dir: PathBuf, limit_bytes: u64) -> Self {
        Self {
            queue: Queue::new(dir),
            limit: limit_bytes,
            measured: Arc::default(),
        }
    }

    /// Where snapshots lie.
    pub fn dir(&self) -> &Path {
        &self.queue.dir
    }

    /// Bytes that may lie there; beyond it nothing is kept.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes of all snapshots, also of those that are being made. What others put there is counted when it is measured next.
    pub fn bytes(&self) -> u64 {
        self.queue.bytes()
    }

    /// The MD5 of a snapshot, where it was taken with the copy: large files under lease.
    pub fn digest(&self, path: &Path) -> Option<[u8; 16]> {
        self.queue.digest(path)
    }

    /// Copies under way end at their next block; the next daemon makes them anew.
    pub fn stop(&self) {
        self.queue.stop.store(true, Ordering::Relaxed);
    }

    /// Keeps files as they are now, one answer for each, in order.
    ///
    /// # Errors
    /// [`StageError::Full`] or [`StageError::NoRoom`]: nothing was kept. A file that cannot be kept is no error but [`Kept::NotKept`].
    pub async fn keep(&self, files: Vec<Wanted>) -> Result<Vec<Kept>, StageError> {
        let stage = self.clone();
        let kept = tokio::task::spawn_blocking(move || stage.keep_now(&files));
        kept.await.map_err(|error| {
            StageError::io("keep files in", self.dir())(std::io::Error::other(error))
        })?
    }

    fn keep_now(&self, files: &[Wanted]) -> Result<Vec<Kept>, StageError> {
        self.measure_if_old();
        let mut opened = Vec::with_capacity(files.len());
        let mut asked = 0_u64;
        for file in files {
            let source = self.openable(file);
            asked += source.as_ref().map_or(0, |(_, mark)| mark.size);
            opened.push(source);
            // Held open only while they are few.
            if opened.len() > AT_ONCE_OPEN {
                break;
            }
        }
        for file in files.iter().skip(opened.len()) {
            asked += std::fs::metadata(&file.source).map_or(0, |about| about.len());
        }
        self.check_room(asked)?;
        let mut opened = opened.into_iter();
        Ok(files
            .iter()
            .map(|file| {
                let source = opened.next().unwrap_or_else(|| self.openable(file));
                source.map_or(Kept::NotKept, |(source, mark)| {
                    self.keep_one(file, source, mark)
                })
            })
            .collect())
    }

    /// Whether so many bytes more may come.
    pub(crate) fn check_room(&self, asked: u64) -> Result<(), StageError> {
        let used = self.bytes();
        if used.saturating_add(asked) > self.limit {
            return Err(StageError::Full {
                dir: self.dir().to_owned(),
                used,
                asked,
                limit: self.limit,
            });
        }
        match free(self.dir()) {
            Some(free) if free < asked.saturating_add(SPARE) => Err(StageError::NoRoom {
                dir: self.dir().to_owned(),
                free,
                asked,
            }),
            _ => Ok(()),
        }
    }

    fn openable(&self, file: &Wanted) -> Option<(File, Mark)> {
        if !file.source.is_absolute() || !self.holds(&file.target) || file.target.exists() {
            return None;
        }
        let source = open(&file.source).ok()?;
        let mark = Mark::of(&source).ok()?;
        Some((source, mark))
    }

    fn keep_one(&self, file: &Wanted, source: File, mark: Mark) -> Kept {
        if clone(&source, &file.target).is_some() {
            self.queue.add(mark.size);
            return Kept::Cloned;
        }
        if mark.size <= AT_ONCE {
            let about = (&*file.source, &mark);
            return match copy(&source, about, &file.target, false, &self.queue.stop) {
                Ok(_) => {
                    self.queue.add(mark.size);
                    Kept::Copied
                }
                Err(_) => Kept::NotKept,
            };
        }
        if !self.queue.has_room() {
            return Kept::NotKept;
        }
        let Ok(leased) = Leased::take(source) else {
            return Kept::NotKept;
        };
        let origin = Origin {
            source: file.source.clone(),
            mark,
        };
        // Nobody wrote between the look and the lease, and the copy can be made again.
        if Mark::of(leased.file()).ok() != Some(mark) || origin.save(&file.target).is_err() {
            return Kept::NotKept;
        }
        self.queue.push(Job {
            leased,
            origin,
            target: file.target.clone(),
        });
        Kept::Leased
    }

    /// A path of a snapshot: below the directory, and not by way of `..`.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        path.starts_with(self.dir())
            && path != self.dir()
            && !path.components().any(|part| part == Component::ParentDir)
    }
}

/// Files that are open at once before room is known.
const AT_ONCE_OPEN: usize = 256;
