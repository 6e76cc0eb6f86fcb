//! Waiting for copies, and for the disk.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::StageError,
    lease::Leased,
    origin::{Mark, Origin, open},
    queue::Job,
    stage::Stage,
};

/// From so many files on the whole file system is synced, instead of each.
const MANY: usize = 64;

impl Stage {
    /// Returns when this snapshot is complete and on disk.
    ///
    /// # Errors
    /// Why it will never be; [`StageError::Stopped`] when the next daemon has to be asked.
    pub async fn settled(&self, path: &Path) -> Result<(), StageError> {
        self.all_settled(std::slice::from_ref(&path.to_owned()))
            .await
    }

    /// The same for many at once, which costs far less than one by one. Paths outside the directory are an error.
    ///
    /// # Errors
    /// That of the first one that fails.
    pub async fn all_settled(&self, paths: &[PathBuf]) -> Result<(), StageError> {
        let mut there = Vec::new();
        for path in paths {
            if !self.holds(path) {
                return Err(StageError::Outside { path: path.clone() });
            }
            if !self.copied(path).await? {
                there.push(path.clone());
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        let dir = self.dir().to_owned();
        let synced = tokio::task::spawn_blocking(move || sync_all(&dir, &there));
        synced
            .await
            .map_err(|error| StageError::io("sync", self.dir())(io::Error::other(error)))?
    }

    /// Waits for a copy of ours, which is on disk afterwards; false when somebody else made the file.
    async fn copied(&self, path: &Path) -> Result<bool, StageError> {
        let mut outcome = match self.queue.find(path) {
            Some(outcome) => outcome,
            None if path.exists() => return Ok(false),
            None => {
                let (queue, path) = (Arc::clone(&self.queue), path.to_owned());
                let job = tokio::task::spawn_blocking(move || again(&path));
                let job = job
                    .await
                    .map_err(|error| StageError::io("copy", self.dir())(io::Error::other(error)))?;
                queue.push(job?)
            }
        };
        let done = outcome.wait_for(Option::is_some).await;
        match done.map(|done| done.clone()) {
            Ok(Some(copied)) => copied.map(|()| true),
            _ => Err(StageError::Stopped),
        }
    }
}

/// A copy that an earlier daemon did not complete. Blocking.
fn again(target: &Path) -> Result<Job, StageError> {
    let missing = || StageError::Missing {
        path: target.to_owned(),
    };
    let origin = Origin::load(target).ok_or_else(missing)?;
    let changed = || StageError::Changed {
        source_path: origin.source.clone(),
    };
    let leased = open(&origin.source)
        .and_then(Leased::take)
        .map_err(|_| changed())?;
    let now = Mark::of(leased.file()).map_err(StageError::io("read", &origin.source))?;
    if now != origin.mark {
        Origin::forget(target);
        return Err(changed());
    }
    Ok(Job {
        leased,
        origin,
        target: target.to_owned(),
    })
}

fn sync_all(dir: &Path, paths: &[PathBuf]) -> Result<(), StageError> {
    if paths.len() > MANY {
        return sync_file_system(dir);
    }
    for path in paths {
        File::open(path)
            .and_then(|file| file.sync_data())
            .map_err(StageError::io("sync", path))?;
    }
    sync_folders(dir, paths.iter().map(PathBuf::as_path))
}

#[cfg(target_os = "linux")]
fn sync_file_system(dir: &Path) -> Result<(), StageError> {
    let failed = |error| StageError::io("sync", dir)(error);
    let folder = File::open(dir).map_err(failed)?;
    rustix::fs::syncfs(&folder).map_err(|error| StageError::io("sync", dir)(error.into()))
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> Result<(), StageError> {
    rustix::fs::sync();
    Ok(())
}

/// The names of files, from their folders up to the directory.
pub(crate) fn sync_folders<'a>(
    dir: &Path,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Result<(), StageError> {
    let mut folders = BTreeSet::new();
    for path in paths {
        folders.extend(
            path.ancestors()
                .skip(1)
                .take_while(|up| up.starts_with(dir)),
        );
    }
    for folder in folders {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(StageError::io("sync", folder))?;
    }
    Ok(())
}
