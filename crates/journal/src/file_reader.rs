use std::path::Path;
use std::sync::Arc;

use crate::damage::Damage;
use crate::error::JournalError;
use crate::files::{Files, OpenFile};
use crate::frames::{Frame, Frames};
use crate::position::Position;

/// Reads a file that somebody else writes, or that is finished. Blocking.
pub struct FileReader {
    file: Arc<dyn OpenFile>,
    frames: Frames,
    known: u64,
    until: u64,
}

impl FileReader {
    /// Opens a file for reading from `from`, a position that an earlier reading gave, or [`Position::START`].
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`] for a foreign file, [`JournalError::BeyondEnd`], [`JournalError::Io`].
    pub fn open(
        files: &dyn Files,
        path: &Path,
        from: Position,
    ) -> Result<FileReader, JournalError> {
        let file = files
            .open_read(path)
            .map_err(JournalError::io("open", path))?;
        let mut reader = FileReader {
            frames: Frames::new(Arc::clone(&file), path, from),
            file,
            known: 0,
            until: u64::MAX,
        };
        let len = reader.size()?;
        reader.frames.header(len)?;
        if from.0 > len.max(Position::START.0) {
            return Err(JournalError::BeyondEnd {
                position: from,
                end: Position(len),
                path: path.to_owned(),
            });
        }
        Ok(reader)
    }

    /// Reads only frames that end at or before `end`.
    #[must_use]
    pub fn until(mut self, end: Position) -> FileReader {
        self.until = end.0;
        self
    }

    /// The next frame; `None` when the file has no further one *yet*: ask again when it has grown.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, JournalError> {
        if let Some(frame) = self.frames.frame(self.known.min(self.until))? {
            return Ok(Some(frame));
        }
        self.known = self.size()?;
        self.frames.frame(self.known.min(self.until))
    }

    /// What was skipped so far.
    pub fn damaged(&self) -> &[Damage] {
        self.frames.damaged()
    }

    fn size(&self) -> Result<u64, JournalError> {
        self.file
            .size()
            .map_err(JournalError::io("read the size of", self.frames.path()))
    }
}
