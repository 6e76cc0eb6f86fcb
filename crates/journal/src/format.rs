//! The bytes of the transaction log, without any file.

/// What every file begins with.
pub(crate) const HEADER: [u8; 7] = [0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0x00];

/// Chunks never cross a multiple of this.
pub(crate) const BLOCK: u64 = 32_768;

/// Checksum, length, type.
pub(crate) const CHUNK_HEADER: u64 = 7;

/// The longest frame that is written or read: 128 MiB.
pub const MAX_FRAME_BYTES: usize = 128 << 20;

/// What part of a frame a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    First,
    Middle,
    Last,
}

impl Part {
    pub(crate) fn from_byte(byte: u8) -> Option<Part> {
        match byte {
            1 => Some(Part::Whole),
            2 => Some(Part::First),
            3 => Some(Part::Middle),
            4 => Some(Part::Last),
            _ => None,
        }
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Part::Whole => 1,
            Part::First => 2,
            Part::Middle => 3,
            Part::Last => 4,
        }
    }
}

/// Bytes left in the block that holds offset `at`.
pub(crate) fn room(at: u64) -> u64 {
    BLOCK - at % BLOCK
}

/// Checksum of a chunk.
pub(crate) fn checksum(part: u8, data: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[part]);
    crc.update(data);
    crc.finalize()
}

/// Adds the chunks of `frame` to `out`, whose end is at offset `at` of the file; gives the offset after them.
pub(crate) fn encode(out: &mut Vec<u8>, mut at: u64, frame: &[u8]) -> u64 {
    let mut rest = frame;
    let mut first = true;
    loop {
        let mut left = room(at);
        if left < CHUNK_HEADER {
            out.resize(out.len() + small(left), 0);
            at += left;
            left = BLOCK;
        }
        let (data, after) = rest.split_at(rest.len().min(small(left - CHUNK_HEADER)));
        let part = match (first, after.is_empty()) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        out.extend_from_slice(&checksum(part.byte(), data).to_le_bytes());
        out.extend_from_slice(&data.len().to_le_bytes()[..2]);
        out.push(part.byte());
        out.extend_from_slice(data);
        at += CHUNK_HEADER + data.len() as u64;
        if after.is_empty() {
            return at;
        }
        rest = after;
        first = false;
    }
}

/// A size within one block or window as `usize`.
pub(crate) fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
