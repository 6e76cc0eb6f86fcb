//! What happens to the client when its process forks.
//!
//! The child gets a copy of everything but the sender's thread: locks in any state, a connection that is still its parent's. So a
//! handler of `pthread_atfork` (which also sees forks made by C code) does two things that are allowed at that moment: it counts the
//! *generation* up, and closes the descriptors that the sender held: the socket, and the poller of its runtime. All state hangs on
//! [`PerProcess`] cells, which compare the generation before they touch anything. In the child they find another one, leave the old
//! value where it is (dropping it would speak on the parent's connection) and make a new one. This costs the hot path one load.

#![allow(
    unsafe_code,
    reason = "pthread_atfork, close, and a pointer that is swapped without a lock, which could be held by a thread that is gone"
)]

use std::{
    marker::PhantomData,
    os::fd::{AsRawFd, RawFd},
    ptr,
    sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering},
};

/// A sender holds two pollers, a waker, a signal pipe and one connection per socket.
const HELD_MAX: usize = 64;

static GENERATION: AtomicU64 = AtomicU64::new(0);
static INSTALLED: AtomicBool = AtomicBool::new(false);
static HELD: [AtomicI32; HELD_MAX] = [const { AtomicI32::new(-1) }; HELD_MAX];

/// How often this process and its ancestors were forks.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    for held in &HELD {
        let fd = held.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: close is async-signal-safe; the descriptor was registered by its owner, who does not exist in this process.
            unsafe { libc::close(fd) };
        }
    }
}

/// From now on forks are noticed. Called before anything is made that a child must not use.
pub(crate) fn install() {
    if !INSTALLED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handler is async-signal-safe and lives as long as the program.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
}

/// Marks a descriptor as one that a forked child closes.
pub(crate) struct Held {
    slot: Option<usize>,
    fd: RawFd,
}

impl Held {
    pub(crate) fn new(fd: &impl AsRawFd) -> Self {
        Self::raw(fd.as_raw_fd())
    }

    fn raw(fd: RawFd) -> Self {
        let slot = HELD.iter().position(|held| {
            held.compare_exchange(-1, fd, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        });
        Self { slot, fd }
    }
}

/// To be dropped before the descriptor itself is closed.
impl Drop for Held {
    fn drop(&mut self) {
        if let Some(held) = self.slot.and_then(|slot| HELD.get(slot)) {
            // Another value means that this is a child and the descriptor is closed already.
            held.compare_exchange(self.fd, -1, Ordering::Relaxed, Ordering::Relaxed)
                .unwrap_or_default();
        }
    }
}

/// Finds the pollers of the runtime that runs this, and what they wait for, and marks all of it. The runtime waits for the two ends of
/// `probe`, which nobody else knows: a poller that watches them is ours. The probe itself is not marked: it goes at once.
#[cfg(target_os = "linux")]
pub(crate) fn hold_runtime<F: AsRawFd>(probe: &(F, F)) -> Vec<Held> {
    let probe = [probe.0.as_raw_fd(), probe.1.as_raw_fd()];
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let mut found: Vec<RawFd> = Vec::new();
    for entry in entries.flatten() {
        let is_poller = std::fs::read_link(entry.path())
            .is_ok_and(|to| to.as_os_str() == "anon_inode:[eventpoll]");
        let name = entry.file_name();
        let Some(fd) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        if !is_poller {
            continue;
        }
        let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else {
            continue;
        };
        let watched = watched(&info);
        if watched.contains(&probe[0]) {
            found.push(fd);
            found.extend(watched.into_iter().filter(|fd| !probe.contains(fd)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Held::raw).collect()
}

/// Elsewhere pollers are not inherited (kqueue).
#[cfg(not(target_os = "linux"))]
pub(crate) fn hold_runtime<F: AsRawFd>(_probe: &(F, F)) -> Vec<Held> {
    Vec::new()
}

/// The descriptors in the `tfd:` lines of a poller's `fdinfo`.
#[cfg(target_os = "linux")]
fn watched(info: &str) -> Vec<RawFd> {
    info.lines()
        .filter_map(|line| line.strip_prefix("tfd:"))
        .filter_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .collect()
}

/// A value that belongs to one process. A forked child does not see its parent's.
pub struct PerProcess<T> {
    cell: AtomicPtr<Cell<T>>,
    owns: PhantomData<Cell<T>>,
}

struct Cell<T> {
    generation: u64,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    /// Nothing yet.
    pub const fn empty() -> Self {
        Self {
            cell: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    /// A value for the process that calls this.
    pub fn new(value: T) -> Self {
        install();
        let cell = Self::empty();
        cell.get_or_init(|| value);
        cell
    }

    /// The value of this process, if it has one.
    pub fn get(&self) -> Option<&T> {
        let cell = self.cell.load(Ordering::Acquire);
        // SAFETY: a cell is never freed while `self` lives, and never written after it is published.
        let cell = unsafe { cell.as_ref() }?;
        (cell.generation == generation()).then_some(&cell.value)
    }

    /// The value of this process; `make` is called if it has none. Two threads may both call it, then one value is used and the
    /// other dropped.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        install();
        let before = self.cell.load(Ordering::Acquire);
        let fresh = Box::into_raw(Box::new(Cell {
            generation: generation(),
            value: make(),
        }));
        let (cell, unused) =
            match self
                .cell
                .compare_exchange(before, fresh, Ordering::AcqRel, Ordering::Acquire)
            {
                // What was there is the parent's: it stays where it is.
                Ok(_) => (fresh, None),
                Err(current) => (current, Some(fresh)),
            };
        if let Some(unused) = unused {
            // SAFETY: it was never published.
            drop(unsafe { Box::from_raw(unused) });
        }
        // SAFETY: published cells live as long as `self`, and are not null.
        unsafe { &(*cell).value }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let cell = *self.cell.get_mut();
        // SAFETY: nobody else has `self`; a parent's value is left alone.
        unsafe {
            if !cell.is_null() && (*cell).generation == generation() {
                drop(Box::from_raw(cell));
            }
        }
    }
}

// SAFETY: access is through shared references to `T` only, which `T: Send + Sync` allows.
unsafe impl<T: Send + Sync> Send for PerProcess<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for PerProcess<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_and_kept() {
        let cell = PerProcess::empty();
        assert!(cell.get().is_none());
        assert_eq!(*cell.get_or_init(|| 1), 1);
        assert_eq!(*cell.get_or_init(|| 2), 1);
        assert_eq!(cell.get(), Some(&1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_runtimes_pollers_are_found_by_what_they_watch() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let other = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let held =
            runtime.block_on(async { hold_runtime(&tokio::net::UnixStream::pair().unwrap()) });
        let foreign =
            other.block_on(async { hold_runtime(&tokio::net::UnixStream::pair().unwrap()) });
        let fds = |held: &[Held]| held.iter().map(|held| held.fd).collect::<Vec<_>>();
        assert!(fds(&held).len() >= 2, "poller and waker: {:?}", fds(&held));
        let pollers = fds(&held)
            .into_iter()
            .filter(|fd| {
                std::fs::read_link(format!("/proc/self/fd/{fd}"))
                    .is_ok_and(|to| to.as_os_str() == "anon_inode:[eventpoll]")
            })
            .collect::<Vec<_>>();
        assert!(!pollers.is_empty());
        assert!(pollers.iter().all(|fd| !fds(&foreign).contains(fd)));
    }
}
