//! How much lies there, what goes, and what is left over.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    origin::{FROM, Origin, PART},
    stage::Stage,
};

/// A measurement is trusted for so long.
const TRUSTED: Duration = Duration::from_secs(2);
/// What may lie there by default.
const DEFAULT_LIMIT: u64 = 100 << 30;
/// A folder whose process is gone stays for so long after its last change: a process in another container looks gone from here.
const GRACE: Duration = Duration::from_hours(1);

/// 100 GiB, or half of what is free on that disk, if that is less.
pub fn default_limit(dir: &Path) -> u64 {
    let there = dir.ancestors().find_map(free);
    there.map_or(DEFAULT_LIMIT, |free| DEFAULT_LIMIT.min(free / 2))
}

/// Bytes that are free on the disk of an existing directory.
pub(crate) fn free(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

impl Stage {
    /// Counts what lies in the directory. Blocking.
    pub fn measure(&self) {
        let mut total = 0_u64;
        walk(self.dir(), &mut |_, about| total += about.len());
        self.queue.set_measured(total);
        *self.measured_at() = Some(Instant::now());
    }

    pub(crate) fn measure_if_old(&self) {
        let measured = *self.measured_at();
        if measured.is_none_or(|at| at.elapsed() > TRUSTED) {
            self.measure();
        }
    }

    fn measured_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.measured
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Removes a snapshot, and its folder with the last one. What lies elsewhere is never removed. Blocking.
    pub fn remove(&self, path: &Path) {
        if !self.holds(path) {
            return;
        }
        self.queue.forget(path);
        let size = fs::symlink_metadata(path).map_or(0, |about| about.len());
        match fs::remove_file(path) {
            Ok(()) => self.queue.subtract(size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "snapshot not removed");
            }
        }
        Origin::forget(path);
        if let Some(folder) = path.parent().filter(|folder| *folder != self.dir()) {
            // Stays while other snapshots lie in it.
            fs::remove_dir(folder).ok();
        }
    }

    /// Removes folders `<pid>-<hex>` whose process is gone, except for files that are still needed. Returns how many bytes went. Blocking.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn sweep(&self, needed: &HashSet<PathBuf>, now: SystemTime) -> io::Result<u64> {
        let folders = match fs::read_dir(self.dir()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            folders => folders?,
        };
        let mut gone = 0;
        for folder in folders.flatten() {
            let (name, path) = (folder.file_name(), folder.path());
            if is_orphan(&name.to_string_lossy()) && is_old(&path, now) {
                gone += sweep_folder(&path, needed);
            }
        }
        self.measure();
        Ok(gone)
    }
}

/// The name says which process made it; false for other names.
fn is_orphan(name: &str) -> bool {
    let pid = name.split_once('-').and_then(|(pid, rest)| {
        let hex = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        pid.parse::<i32>().ok().filter(|_| hex)
    });
    let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

fn is_old(folder: &Path, now: SystemTime) -> bool {
    let changed = fs::symlink_metadata(folder).and_then(|about| about.modified());
    changed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > GRACE))
}

fn sweep_folder(folder: &Path, needed: &HashSet<PathBuf>) -> u64 {
    let mut gone = 0;
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let about = fs::symlink_metadata(&path);
        if about.as_ref().is_ok_and(fs::Metadata::is_dir) {
            gone += sweep_folder(&path, needed);
            continue;
        }
        let kept =
            needed.contains(&path) || target_of(&path).is_some_and(|one| needed.contains(&one));
        if !kept && fs::remove_file(&path).is_ok() {
            gone += about.map_or(0, |about| about.len());
        }
    }
    // Stays while something in it is needed.
    fs::remove_dir(folder).ok();
    gone
}

/// The snapshot that a note of its origin belongs to.
fn target_of(path: &Path) -> Option<PathBuf> {
    path.to_str()?.strip_suffix(FROM).map(PathBuf::from)
}

/// All snapshots below a folder. What cannot be read is left out.
fn walk(folder: &Path, each: &mut impl FnMut(&Path, &fs::Metadata)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(about) = entry.metadata() else {
            continue;
        };
        if about.is_dir() {
            walk(&path, each);
            continue;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.ends_with(PART) && !name.ends_with(FROM) {
            each(&path, &about);
        }
    }
}
