//! How much of what is not acknowledged a process keeps.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What config, summary and artifacts may still use when rows are dropped already.
const RESERVE: usize = 1 << 20;
/// Raw data in files that un-acknowledged records name may be so many times the window.
pub(crate) const FILES_FACTOR: usize = 32;

/// Bytes of un-acknowledged records, for all sessions of a process.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limit: usize,
    pub(crate) used: AtomicUsize,
    pub(crate) in_files: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            in_files: AtomicUsize::new(0),
        }
    }

    /// Whether `len` more bytes leave half of the window free.
    pub(crate) fn is_roomy_for(&self, len: usize) -> bool {
        self.used().saturating_add(len) <= self.limit / 2
    }

    /// Whether `len` more bytes may lie in files.
    pub(crate) fn allows_file(&self, len: usize) -> bool {
        let in_files = self.in_files.load(Ordering::Relaxed);
        in_files.saturating_add(len) <= self.limit.saturating_mul(FILES_FACTOR)
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn reserve(&self) -> usize {
        RESERVE.min(self.limit / 8)
    }
}
