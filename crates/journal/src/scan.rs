use std::path::Path;

use crate::damage::Damage;
use crate::error::JournalError;
use crate::files::Files;
use crate::frames::{Frames, Header};
use crate::position::Position;

/// What the caller knows about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// More frames of the same group follow.
    Inside,
    /// The last frame of a group.
    GroupEnd {
        /// The durable position that its writer knew when it appended the group, if groups of this file carry one. It tells
        /// bit rot from a torn tail; see the crate's documentation.
        durable: Option<Position>,
    },
}

/// What a file holds, and where an interrupted writer goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// After the last group to keep. What follows was promised to nobody.
    pub end: Position,
    /// Groups to keep.
    pub groups: u64,
    /// Frames to keep.
    pub frames: u64,
    /// Readable frames after `end`: of an unfinished group, or behind a hole.
    pub cut_frames: u64,
    /// Bytes after `end`.
    pub cut_bytes: u64,
    /// Unreadable stretches before `end`.
    pub damaged: Vec<Damage>,
    /// The file header is there and right; [`Journal::resume`](crate::Journal::resume) writes it otherwise.
    pub header_ok: bool,
}

/// Reads a whole file and finds where it can go on.
///
/// Every readable frame is given to `visit` with the position after it, **also those that turn out to lie behind [`Scan::end`]**: use it to judge
/// frames, and read what is kept with a [`FileReader`](crate::FileReader) [`until`](crate::FileReader::until) that end.
///
/// A torn tail is no error, nor is damage in the middle.
///
/// # Errors
/// [`JournalError::Io`], and [`JournalError::NotAJournal`] for a foreign file.
pub fn scan(
    files: &dyn Files,
    path: &Path,
    visit: &mut dyn FnMut(Position, &[u8]) -> Seen,
) -> Result<Scan, JournalError> {
    let file = files
        .open_read(path)
        .map_err(JournalError::io("open", path))?;
    let len = file
        .size()
        .map_err(JournalError::io("read the size of", path))?;
    let mut frames = Frames::new(file, path, Position::START);
    let header = frames.header(len)?;
    let mut survey = Survey::default();
    while let Some(found) = frames.advance(len)? {
        survey.note_damage(frames.damaged().len());
        let seen = visit(found.end, frames.bytes(&found));
        survey.note_frame(found.end, seen);
    }
    survey.note_damage(frames.damaged().len());
    let kept = survey.kept(frames.damaged());
    let mut damaged = frames.damaged().to_vec();
    damaged.retain(|damage| damage.from < kept.end);
    Ok(Scan {
        end: kept.end,
        groups: kept.groups,
        frames: kept.frames,
        cut_frames: survey.read - kept.frames,
        cut_bytes: len.saturating_sub(kept.end.0),
        damaged,
        header_ok: header == Header::Whole,
    })
}

/// The last whole group at some point of the scan.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    end: Position,
    groups: u64,
    frames: u64,
}

#[derive(Debug, Default)]
struct Survey {
    read: u64,
    now: Kept,
    /// How things stood before each damage, in the order of the damages.
    before: Vec<Kept>,
    /// The highest durable position that any group carries.
    proven: Option<Position>,
}

impl Survey {
    fn note_damage(&mut self, damages: usize) {
        self.before.resize(damages, self.now);
    }

    fn note_frame(&mut self, end: Position, seen: Seen) {
        self.read += 1;
        if let Seen::GroupEnd { durable } = seen {
            self.now = Kept {
                end,
                groups: self.now.groups + 1,
                frames: self.read,
            };
            self.proven = self.proven.max(durable);
        }
    }

    /// Everything up to the first damage that cannot be bit rot, because that part was never known to be durable.
    fn kept(&self, damaged: &[Damage]) -> Kept {
        let Some(proven) = self.proven else {
            return self.now;
        };
        let torn = damaged.iter().position(|damage| damage.from >= proven);
        torn.and_then(|index| self.before.get(index).copied())
            .unwrap_or(self.now)
    }
}
