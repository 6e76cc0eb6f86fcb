//! What is known of a run without waiting for its disk.
//!
//! A file system can hang. Whoever writes to it holds the run's state meanwhile; questions are answered from here, where nothing is ever held
//! longer than it takes to copy it.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wandbd_journal::Journal;
use wandbd_proto::v1;

use crate::memory::Memory;

/// See the module.
#[derive(Debug)]
pub(crate) struct Glance {
    seen: Mutex<Seen>,
}

/// The latest of everything that is asked for often.
pub(crate) struct Seen {
    pub(crate) journal: Journal,
    /// Sessions that hold a stream now.
    pub(crate) connected: HashMap<String, usize>,
    pub(crate) rows: u64,
    pub(crate) rows_dropped: u64,
    pub(crate) next_step: i64,
    /// The exit code, once the exit record is written.
    pub(crate) exit_code: Option<i32>,
    /// The exit record is written: nothing follows.
    pub(crate) ended: bool,
    /// The exit that the owner announced.
    pub(crate) exit: Option<v1::Exit>,
    /// Accepted artifacts wait for being hashed.
    pub(crate) artifacts_wait: bool,
    /// There are event files to be followed.
    pub(crate) event_files: bool,
    /// Private snapshots of accepted artifacts, by client id.
    pub(crate) staged: HashMap<String, Vec<PathBuf>>,
    /// Client ids and names of accepted artifacts, in their order.
    pub(crate) accepted: Vec<(String, String)>,
    /// Why artifacts were given up before their upload, by client id.
    pub(crate) lost: HashMap<String, String>,
    /// What was changed of the run's parameters.
    pub(crate) updates: v1::RunUpdate,
    /// Why the last append failed; empty when it did not.
    pub(crate) trouble: String,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen")
            .field("rows", &self.rows)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Glance {
    pub(crate) fn new(journal: &Journal, memory: &Memory) -> Self {
        let seen = Seen {
            journal: journal.clone(),
            connected: HashMap::new(),
            rows: 0,
            rows_dropped: 0,
            next_step: 0,
            exit_code: None,
            ended: false,
            exit: None,
            artifacts_wait: false,
            event_files: false,
            staged: HashMap::new(),
            accepted: Vec::new(),
            lost: HashMap::new(),
            updates: v1::RunUpdate::default(),
            trouble: String::new(),
        };
        let glance = Self {
            seen: Mutex::new(seen),
        };
        glance.update(journal, memory);
        glance
    }

    pub(crate) fn see(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After every change of the run.
    pub(crate) fn update(&self, journal: &Journal, memory: &Memory) {
        let rows = &memory.rows;
        let mut seen = self.see();
        if !seen.journal.is_same(journal) {
            seen.journal = journal.clone();
        }
        seen.rows = rows.rows();
        seen.rows_dropped = rows.dropped_rows();
        seen.next_step = rows.next_step();
        seen.exit_code = rows.ended();
        seen.ended = memory.ended;
        seen.exit = memory.exit;
        seen.artifacts_wait = !memory.staging.is_empty();
        seen.event_files = !memory.event_files.is_empty();
        if seen.staged.len() != memory.staged.len() {
            // An artifact may have thousands of files: only the new ones are copied.
            seen.staged.retain(|id, _| memory.staged.contains_key(id));
            for (id, paths) in &memory.staged {
                if !seen.staged.contains_key(id) {
                    seen.staged.insert(id.clone(), paths.clone());
                }
            }
        }
        if seen.accepted.len() > memory.accepted.len() {
            seen.accepted.clear(); // the state was read back, and something had not been journaled
        }
        let known = seen.accepted.len();
        seen.accepted.extend_from_slice(&memory.accepted[known..]);
        if seen.lost.len() != memory.lost.len() {
            seen.lost.clone_from(&memory.lost);
        }
        if seen.updates != *rows.updates() {
            seen.updates.clone_from(rows.updates());
        }
    }
}
