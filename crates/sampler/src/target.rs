//! Whom samples are taken for, and the samples.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::metric::Number;

/// The shortest interval between two samples of a target; a shorter wish is raised to it.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// One run to sample for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The caller's handle; samples carry it.
    pub id: u64,
    /// Process id of the training process; 0 for none: then only the machine's metrics appear.
    pub pid: u32,
    /// When that process started, in clock ticks since boot (`/proc/<pid>/stat`, field 22), so that a reused pid is not
    /// mistaken for it. 0: the process found at the first sample is the right one.
    pub start_time: u64,
    /// Time between two samples, at least [`MIN_INTERVAL`]. W&B's default is 15 s.
    pub interval: Duration,
    /// Paths whose file systems are reported; unreadable ones are left out.
    pub disk_paths: Vec<PathBuf>,
    /// Whether CPU, memory and threads are summed over the process and its descendants.
    pub process_tree: bool,
}

impl Target {
    /// W&B's defaults: every 15 s, the file system `/`, the process alone.
    pub fn new(id: u64, pid: u32) -> Self {
        Self {
            id,
            pid,
            start_time: 0,
            interval: Duration::from_secs(15),
            disk_paths: vec![PathBuf::from("/")],
            process_tree: false,
        }
    }
}

/// Everything known of one target at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// [`Target::id`].
    pub target: u64,
    /// Wall time of the tick; the same for all targets that were due on it.
    pub at: SystemTime,
    /// Keys (without `system.`) and finite values; what could not be read is absent.
    pub readings: Vec<(String, Number)>,
}
