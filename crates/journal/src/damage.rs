use std::fmt;

use crate::position::Position;

/// A stretch of a file that could not be read and was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first byte that was given up.
    pub from: Position,
    /// Offset where reading went on; may lie behind the end of the file.
    pub to: Position,
    /// What was met first.
    pub kind: DamageKind,
}

/// Why a stretch could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// The file header is wrong, but a good chunk follows it.
    Header,
    /// The chunk's length runs over its block.
    Length,
    /// The chunk's type is none of 1 to 4.
    Type,
    /// The chunk's checksum does not fit its data.
    Checksum,
    /// A middle or last part without its first part.
    Orphan,
    /// A first part without its last part.
    Unfinished,
    /// The parts add up to more than [`MAX_FRAME_BYTES`](crate::MAX_FRAME_BYTES).
    TooLarge,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            DamageKind::Header => "wrong file header",
            DamageKind::Length => "chunk length runs over its block",
            DamageKind::Type => "unknown chunk type",
            DamageKind::Checksum => "checksum mismatch",
            DamageKind::Orphan => "part of a frame whose beginning is missing",
            DamageKind::Unfinished => "part of a frame whose end is missing",
            DamageKind::TooLarge => "frame over the size limit",
        };
        write!(f, "bytes {} to {}: {why}", self.from, self.to)
    }
}
