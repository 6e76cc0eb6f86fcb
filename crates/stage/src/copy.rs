//! The copies themselves. Blocking.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use md5::{Digest as _, Md5};

use crate::{
    error::StageError,
    origin::{Mark, PART, beside},
};

/// Bytes copied between two looks at the stop.
const BLOCK: usize = 4 << 20;
/// The disk is told to begin after every so many bytes: a sync at the end has less to wait for.
const BEGIN: u64 = 32 << 20;
/// Blocks between the copy and its digest.
const BLOCKS: usize = 4;
/// From so many bytes on a digest is taken on the way.
const DIGESTED: u64 = 1 << 20;

/// MD5 of a content.
pub(crate) type Digest = [u8; 16];

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

/// Copies all of a file that is in the state `mark`, and fails if it is not any more at the end. With `sync` it is on disk afterwards, and
/// a large file's digest is given, because whoever keeps a checkpoint wants it next.
pub(crate) fn copy(
    source: &File,
    (source_path, mark): (&Path, &Mark),
    target: &Path,
    sync: bool,
    stop: &AtomicBool,
) -> Result<Option<Digest>, StageError> {
    let digested = sync && mark.size >= DIGESTED;
    let mut part = Part {
        source,
        source_path,
        target,
        stop,
        written: 0,
        begun: 0,
    };
    let copied = part.copy(sync, digested).and_then(|(size, digest)| {
        let now = Mark::of(source).map_err(StageError::io("read", source_path))?;
        if now == *mark && size == mark.size {
            return Ok(digest);
        }
        Err(StageError::Changed {
            source_path: source_path.to_owned(),
        })
    });
    match copied {
        Ok(digest) => publish(target).map(|()| digest),
        Err(error) => {
            discard(target);
            Err(error)
        }
    }
}

/// A copy under way.
struct Part<'a> {
    source: &'a File,
    source_path: &'a Path,
    target: &'a Path,
    stop: &'a AtomicBool,
    written: u64,
    /// The disk has been told of so many of them.
    begun: u64,
}

impl Part<'_> {
    /// How many bytes there were, and their digest if it was wanted.
    fn copy(&mut self, sync: bool, digested: bool) -> Result<(u64, Option<Digest>), StageError> {
        let mut to = part(self.target)?;
        let copied = if digested {
            self.digested(&mut to)?
        } else {
            let mut block = vec![0; BLOCK];
            let mut size = 0;
            loop {
                match self.step(&mut to, &mut block)? {
                    0 => break (size, None),
                    read => size += read as u64,
                }
            }
        };
        if sync {
            to.sync_data()
                .map_err(StageError::io("sync", self.target))?;
        }
        Ok(copied)
    }

    /// Copies while another thread takes the digest of what was copied.
    fn digested(&mut self, to: &mut File) -> Result<(u64, Option<Digest>), StageError> {
        let (full, to_digest) = mpsc::sync_channel::<(Vec<u8>, usize)>(BLOCKS);
        let (empty, blocks) = mpsc::sync_channel::<Vec<u8>>(BLOCKS);
        std::thread::scope(|scope| {
            let digest = move || {
                let mut hash = Md5::new();
                for (block, length) in to_digest {
                    hash.update(&block[..length]);
                    // Nobody takes it back once everything is copied.
                    empty.send(block).ok();
                }
                Digest::from(hash.finalize())
            };
            let name = std::thread::Builder::new().name("digest".into());
            // Without a thread there is no digest: who needs it reads the snapshot.
            let digest = name.spawn_scoped(scope, digest).ok();
            let (mut size, mut made) = (0, 0);
            loop {
                let mut block = if made < BLOCKS {
                    made += 1;
                    vec![0; BLOCK]
                } else {
                    blocks.recv().unwrap_or_else(|_| vec![0; BLOCK])
                };
                let read = self.step(to, &mut block)?;
                if read == 0 {
                    break;
                }
                size += read as u64;
                full.send((block, read)).ok();
            }
            drop(full);
            let digest = digest.and_then(|digest| digest.join().ok());
            Ok((size, digest))
        })
    }

    /// Copies one block; 0 at the end.
    fn step(&mut self, to: &mut File, block: &mut [u8]) -> Result<usize, StageError> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(StageError::Stopped);
            }
            match self.source.read(block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let read = read.map_err(StageError::io("read", self.source_path))?;
                    to.write_all(&block[..read])
                        .map_err(StageError::io("copy to", self.target))?;
                    self.written += read as u64;
                    if self.written - self.begun >= BEGIN {
                        begin_to_write(to, self.begun, self.written - self.begun);
                        self.begun = self.written;
                    }
                    return Ok(read);
                }
            }
        }
    }
}

/// A hint: what fails is done by the sync at the end.
#[cfg(target_os = "linux")]
fn begin_to_write(file: &File, from: u64, length: u64) {
    use std::os::fd::AsRawFd as _;
    let (Ok(from), Ok(length)) = (from.try_into(), length.try_into()) else {
        return;
    };
    // SAFETY: the descriptor is open as long as `file` is, and the call takes numbers and touches no memory of ours.
    #[expect(unsafe_code, reason = "sync_file_range has no safe binding")]
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), from, length, libc::SYNC_FILE_RANGE_WRITE);
    }
}

#[cfg(not(target_os = "linux"))]
fn begin_to_write(_: &File, _: u64, _: u64) {}
