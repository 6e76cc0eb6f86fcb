//! Words that the tests share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wandbd_journal::{
    Committer, CommitterTask, FileReader, Files, Journal, JournalError, Position, Seen,
};

use crate::memory::Memory;

/// Numbers that depend on the seed only (`SplitMix64`).
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

pub(crate) fn start(files: &Memory) -> (Committer, CommitterTask) {
    Committer::start(Arc::new(files.clone()))
}

/// Rounds follow one another quickly.
pub(crate) fn quick(files: &Memory) -> (Committer, CommitterTask) {
    Committer::with_pace(Arc::new(files.clone()), Duration::from_micros(200))
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("/runs").join(name)
}

pub(crate) fn create(committer: &Committer, name: &str) -> Journal {
    Journal::create(committer, &path(name)).unwrap()
}

/// Every frame of a file up to `until`.
pub(crate) fn read(
    files: &dyn Files,
    path: &Path,
    until: Position,
) -> Result<Vec<Vec<u8>>, JournalError> {
    let mut reader = FileReader::open(files, path, Position::START)?.until(until);
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        frames.push(frame.data.to_vec());
    }
    Ok(frames)
}

pub(crate) const EVERYTHING: Position = Position(u64::MAX);

/// For scans of files in which every frame is a group.
pub(crate) fn each_is_a_group(_: Position, _: &[u8]) -> Seen {
    Seen::GroupEnd { durable: None }
}

/// Waits with a limit that only a hang exceeds.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), future)
        .await
        .expect("it hangs")
}
