//! The copies themselves. Blocking.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    error::StageError,
    origin::{Mark, PART, beside},
};

/// Bytes copied between two looks at the stop.
const BLOCK: usize = 4 << 20;

fn part(target: &Path) -> Result<File, StageError> {
    let path = beside(target, PART);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(StageError::io("create", &path))
}

fn publish(target: &Path) -> Result<(), StageError> {
    fs::rename(beside(target, PART), target).map_err(StageError::io("create", target))
}

fn discard(target: &Path) {
    // A rest is swept with its folder.
    fs::remove_file(beside(target, PART)).ok();
}

/// A clone, if the file system can; `None` if not.
pub(crate) fn clone(source: &File, target: &Path) -> Option<()> {
    let clone = part(target).ok()?;
    let cloned = ficlone(&clone, source)
        .ok()
        .and_then(|()| publish(target).ok());
    if cloned.is_none() {
        discard(target);
    }
    cloned
}

#[cfg(target_os = "linux")]
fn ficlone(clone: &File, source: &File) -> io::Result<()> {
    rustix::fs::ioctl_ficlone(clone, source).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn ficlone(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Copies all of a file that is in the state `mark`, and fails if it is not any more at the end. With `sync` it is on disk afterwards.
pub(crate) fn copy(
    source: &File,
    (source_path, mark): (&Path, &Mark),
    target: &Path,
    sync: bool,
    stop: &AtomicBool,
) -> Result<(), StageError> {
    let copied = copy_part(source, source_path, target, sync, stop).and_then(|size| {
        let now = Mark::of(source).map_err(StageError::io("read", source_path))?;
        if now == *mark && size == mark.size {
            return Ok(());
        }
        Err(StageError::Changed {
            source_path: source_path.to_owned(),
        })
    });
    match copied {
        Ok(()) => publish(target),
        Err(error) => {
            discard(target);
            Err(error)
        }
    }
}

fn copy_part(
    mut source: &File,
    source_path: &Path,
    target: &Path,
    sync: bool,
    stop: &AtomicBool,
) -> Result<u64, StageError> {
    let mut to = part(target)?;
    let failed = |error| StageError::io("copy to", target)(error);
    let mut size = 0;
    let mut block = vec![0; BLOCK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(StageError::Stopped);
        }
        let read = match source.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(StageError::io("read", source_path))?,
        };
        if read == 0 {
            break;
        }
        to.write_all(&block[..read]).map_err(failed)?;
        size += read as u64;
    }
    if sync {
        to.sync_data().map_err(StageError::io("sync", target))?;
    }
    Ok(size)
}
