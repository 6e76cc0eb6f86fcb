//! What a snapshot is a copy of: enough to tell whether the file is still the same, and to copy it again after a kill.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The state of a file. Two equal ones mean that nobody wrote in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    device: u64,
    inode: u64,
    pub(crate) size: u64,
    modified: (i64, i64),
}

impl Mark {
    /// Of an open file; an error if it is not a regular one.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no regular file",
            ));
        }
        Ok(Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
        })
    }
}

/// Opens a file without waiting for anybody (a pipe, another one's lease).
pub(crate) fn open(source: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(source)
}

/// The source of a snapshot and its state when it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) source: PathBuf,
    pub(crate) mark: Mark,
}

impl Origin {
    /// Writes it beside the target. No sync: after a crash of the machine the process that would ask is gone, too.
    pub(crate) fn save(&self, target: &Path) -> io::Result<()> {
        let Mark {
            device,
            inode,
            size,
            modified: (seconds, nanoseconds),
        } = self.mark;
        let source = self.source.display();
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(beside(target, FROM))?;
        write!(
            file,
            "{device} {inode} {size} {seconds} {nanoseconds}\n{source}"
        )
    }

    /// Reads it back; `None` if there is none, or none that makes sense.
    pub(crate) fn load(target: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(beside(target, FROM))
            .ok()?
            .take(1 << 16)
            .read_to_string(&mut text)
            .ok()?;
        let (numbers, source) = text.split_once('\n')?;
        let mut numbers = numbers.split(' ').map(str::parse::<i128>);
        let mut next = || numbers.next()?.ok();
        let mark = Mark {
            device: next()?.try_into().ok()?,
            inode: next()?.try_into().ok()?,
            size: next()?.try_into().ok()?,
            modified: (next()?.try_into().ok()?, next()?.try_into().ok()?),
        };
        Some(Self {
            source: PathBuf::from(source),
            mark,
        })
    }

    /// The copy is complete, or given up.
    pub(crate) fn forget(target: &Path) {
        // One that stays is only a small file that goes with its folder.
        fs::remove_file(beside(target, FROM)).ok();
    }
}

pub(crate) const FROM: &str = ".wandbd-from";
pub(crate) const PART: &str = ".wandbd-part";

pub(crate) fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
