//! The seam between the journal and the disk; tests put a forgetful one in.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// Names, directories and files. The real one is [`OsFiles`](crate::OsFiles).
pub trait Files: Send + Sync + 'static {
    /// Makes a directory (0700) and its missing parents, so that they survive a power cut. It may exist already.
    ///
    /// # Errors
    /// What the system says.
    fn create_dirs(&self, path: &Path) -> io::Result<()>;

    /// Makes a new file (0600) open for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;

    /// Gives a file another name, replacing what had it. Survives a power cut after [`sync_dir`](Files::sync_dir).
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory survive a power cut.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file. All calls name their offset, so that readers and the writer share one.
pub trait OpenFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; 0 at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some of `data`, and says how much.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes content and length survive a power cut (fdatasync).
    ///
    /// # Errors
    /// What the system says. The caller does not try again.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file, or extends it by zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;
}

/// Writes all of `data`.
pub(crate) fn write_all(file: &dyn OpenFile, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match file.write_at(data, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                data = data.get(n..).unwrap_or_default();
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `buffer` is full or the file ends, and says how much.
pub(crate) fn read_full(
    file: &dyn OpenFile,
    buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset) {
            Ok(0) => break,
            Ok(n) => {
                filled += n;
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Makes `path` hold exactly `data`, at once or not at all: a file beside it, synced, renamed over it, directory synced.
/// `content` writes what it is to hold.
pub(crate) fn replace(
    files: &dyn Files,
    path: &Path,
    suffix: &str,
    content: impl FnOnce(&dyn OpenFile) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    let beside = Path::new(&name);
    match files.remove(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = files.create_new(beside)?;
    content(file.as_ref())?;
    file.sync_data()?;
    files.rename(beside, path)?;
    files.sync_dir(parent(path))
}
