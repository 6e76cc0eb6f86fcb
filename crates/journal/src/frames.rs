//! From a file's bytes back to frames; what a scan, a tail and a file reader have in common.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::damage::{Damage, DamageKind};
use crate::error::JournalError;
use crate::files::{OpenFile, read_full};
use crate::format::{BLOCK, CHUNK_HEADER, HEADER, MAX_FRAME_BYTES, Part, checksum, room, small};
use crate::position::Position;

/// Bytes asked from the file at once.
const WINDOW: u64 = 256 << 10;

/// Buffers above this are given back once they are empty.
const KEEP: usize = 64 << 10;

/// One frame and the position after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The position just after the frame.
    pub end: Position,
    /// What was appended.
    pub data: Bytes,
}

/// How a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Whole,
    /// The file is shorter than a header, and a prefix of one.
    Short,
    /// Wrong, but followed by a good chunk.
    Damaged,
}

/// Where a frame that was found lies; ask [`Frames::bytes`].
pub(crate) struct Found {
    pub(crate) end: Position,
    place: Place,
}

enum Place {
    Window(Range<usize>),
    Parts,
}

enum Chunk {
    Good(Part, Range<usize>),
    Bad(DamageKind),
}

/// Reads frames from a file, skipping what is damaged, up to a limit that may grow from call to call.
pub(crate) struct Frames {
    file: Arc<dyn OpenFile>,
    path: PathBuf,
    window: Vec<u8>,
    window_at: u64,
    /// Offset of the next chunk.
    next: u64,
    /// The parts of a split frame that began at `begun`.
    parts: Vec<u8>,
    begun: Option<u64>,
    damaged: Vec<Damage>,
}

impl Frames {
    pub(crate) fn new(file: Arc<dyn OpenFile>, path: &Path, from: Position) -> Frames {
        Frames {
            file,
            path: path.to_owned(),
            window: Vec::new(),
            window_at: 0,
            next: from.max(Position::START).0,
            parts: Vec::new(),
            begun: None,
            damaged: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// Looks at the file header. To be called before the first frame is read.
    pub(crate) fn header(&mut self, limit: u64) -> Result<Header, JournalError> {
        let mut header = [0; HEADER.len()];
        let got = read_full(self.file.as_ref(), &mut header, 0)
            .map_err(JournalError::io("read", &self.path))?;
        if got == HEADER.len() && header == HEADER {
            return Ok(Header::Whole);
        }
        if got < HEADER.len() && HEADER.starts_with(&header[..got]) {
            return Ok(Header::Short);
        }
        let mut probe = Frames::new(Arc::clone(&self.file), &self.path, Position::START);
        match probe.chunk(limit)? {
            Some(Chunk::Good(Part::Whole | Part::First, _)) => {
                self.damage(0, Position::START.0, DamageKind::Header);
                Ok(Header::Damaged)
            }
            _ => Err(JournalError::NotAJournal {
                path: self.path.clone(),
            }),
        }
    }

    /// The next frame that ends at or before `limit`, copied out.
    pub(crate) fn frame(&mut self, limit: u64) -> Result<Option<Frame>, JournalError> {
        Ok(self.advance(limit)?.map(|found| Frame {
            end: found.end,
            data: Bytes::copy_from_slice(self.bytes(&found)),
        }))
    }

    /// The bytes of the frame found last.
    pub(crate) fn bytes(&self, found: &Found) -> &[u8] {
        match &found.place {
            Place::Window(range) => &self.window[range.clone()],
            Place::Parts => &self.parts,
        }
    }

    /// Moves to the next frame that ends at or before `limit`. What is incomplete there is taken up again when the limit has grown.
    pub(crate) fn advance(&mut self, limit: u64) -> Result<Option<Found>, JournalError> {
        if self.begun.is_none() {
            empty(&mut self.parts);
        }
        loop {
            let Some(chunk) = self.chunk(limit)? else {
                empty(&mut self.window);
                return Ok(None);
            };
            let place = match chunk {
                Chunk::Bad(kind) => {
                    self.skip_block(kind);
                    None
                }
                Chunk::Good(part, data) => self.take(part, data),
            };
            if let Some(place) = place {
                let end = Position(self.next);
                return Ok(Some(Found { end, place }));
            }
        }
    }

    /// Looks at the chunk at `next`, past a block's filling; `None` when it is not all there.
    fn chunk(&mut self, limit: u64) -> Result<Option<Chunk>, JournalError> {
        let mut left = room(self.next);
        if left < CHUNK_HEADER {
            if self.next + left > limit {
                return Ok(None);
            }
            self.next += left;
            left = BLOCK;
        }
        if self.next + CHUNK_HEADER > limit {
            return Ok(None);
        }
        let start = self.load(CHUNK_HEADER, limit)?;
        let Some((crc, len, part)) = parse(&self.window[start..]) else {
            return Err(self.too_short());
        };
        if CHUNK_HEADER + len > left {
            return Ok(Some(Chunk::Bad(DamageKind::Length)));
        }
        let Some(kind) = Part::from_byte(part) else {
            return Ok(Some(Chunk::Bad(DamageKind::Type)));
        };
        if self.next + CHUNK_HEADER + len > limit {
            return Ok(None);
        }
        let start = self.load(CHUNK_HEADER + len, limit)? + small(CHUNK_HEADER);
        let data = start..start + small(len);
        if checksum(part, &self.window[data.clone()]) != crc {
            return Ok(Some(Chunk::Bad(DamageKind::Checksum)));
        }
        Ok(Some(Chunk::Good(kind, data)))
    }

    /// Steps over a good chunk and says where its frame lies if it is complete now.
    fn take(&mut self, part: Part, data: Range<usize>) -> Option<Place> {
        let at = self.next;
        self.next += CHUNK_HEADER + data.len() as u64;
        match part {
            Part::Whole | Part::First => {
                if let Some(begun) = self.begun.take() {
                    self.damage(begun, at, DamageKind::Unfinished);
                }
                if part == Part::Whole {
                    return Some(Place::Window(data));
                }
                self.parts.clear();
                self.begun = Some(at);
            }
            Part::Middle | Part::Last => {
                let Some(begun) = self.begun else {
                    self.damage(at, self.next, DamageKind::Orphan);
                    return None;
                };
                if self.parts.len() + data.len() > MAX_FRAME_BYTES {
                    self.begun = None;
                    empty(&mut self.parts);
                    self.damage(begun, self.next, DamageKind::TooLarge);
                    return None;
                }
            }
        }
        self.parts.extend_from_slice(&self.window[data]);
        if part == Part::Last {
            self.begun = None;
            return Some(Place::Parts);
        }
        None
    }

    /// Gives up the rest of the block, and the frame that was being put together.
    fn skip_block(&mut self, kind: DamageKind) {
        let from = self.begun.take().unwrap_or(self.next);
        self.next += room(self.next);
        empty(&mut self.parts);
        self.damage(from, self.next, kind);
    }

    /// Notes a damaged stretch, joined to the one before if nothing but filling lies between.
    fn damage(&mut self, from: u64, to: u64, kind: DamageKind) {
        match self.damaged.last_mut() {
            Some(last) if from < last.to.0 + CHUNK_HEADER && last.kind != DamageKind::Header => {
                last.to = Position(to);
            }
            _ => self.damaged.push(Damage {
                from: Position(from),
                to: Position(to),
                kind,
            }),
        }
    }

    /// Makes `need` bytes from `next` on available; gives their index in the window.
    fn load(&mut self, need: u64, limit: u64) -> Result<usize, JournalError> {
        let there = self.window_at + self.window.len() as u64;
        if self.next < self.window_at || self.next + need > there {
            let want = small((limit - self.next).min(WINDOW));
            if self.window.len() < want {
                self.window = vec![0; want];
            } else {
                self.window.truncate(want);
            }
            self.window_at = self.next;
            let got = read_full(self.file.as_ref(), &mut self.window, self.next)
                .map_err(JournalError::io("read", &self.path))?;
            self.window.truncate(got);
            if (got as u64) < need {
                return Err(self.too_short());
            }
        }
        Ok(small(self.next - self.window_at))
    }

    fn too_short(&self) -> JournalError {
        JournalError::io("read all of", &self.path)(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Checksum, length and type from the beginning of a chunk.
fn parse(bytes: &[u8]) -> Option<(u32, u64, u8)> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let len = u64::from(u16::from_le_bytes(*len));
    Some((u32::from_le_bytes(*crc), len, *rest.first()?))
}

fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}
