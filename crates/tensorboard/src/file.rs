//! One event file: frames of length, checksum of the length, data, checksum of the data.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::event::Event;

/// Longest event that is believed.
const LONGEST: u64 = 256 << 20;
/// Length and its checksum.
const HEAD: usize = 12;
/// The checksum after the data.
const TAIL: usize = 4;

/// Why no more of a file is read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system does not give it.
    #[error("cannot read the event file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error("the event file {path} is damaged at byte {at}: {what}; what follows is not read")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// How it is seen.
        what: &'static str,
    },
}

/// An event file that may still grow.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    at: u64,
}

impl EventFile {
    /// Opens a file at its beginning.
    ///
    /// # Errors
    /// [`ReadError::Io`].
    pub fn open(path: &Path) -> Result<EventFile, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(EventFile {
            path: path.to_owned(),
            file,
            at: 0,
        })
    }

    /// The next event; `None` when it is not there, or not whole, yet. Blocking.
    ///
    /// # Errors
    /// [`ReadError`]; the same again when asked again.
    pub fn next_event(&mut self) -> Result<Option<Event>, ReadError> {
        let mut head = [0; HEAD];
        if !self.fill(&mut head, self.at)? {
            return Ok(None);
        }
        let (length, sum) = head.split_at(8);
        if masked(length) != number(sum) {
            return Err(self.damaged("the checksum of a length is wrong"));
        }
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        if length > LONGEST {
            return Err(self.damaged("an event is longer than 256 MiB"));
        }
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        let end = self.at + HEAD as u64 + length + TAIL as u64;
        if self.size()? < end {
            return Ok(None);
        }
        let mut data = vec![0; size + TAIL];
        if !self.fill(&mut data, self.at + HEAD as u64)? {
            return Ok(None);
        }
        let (data, sum) = data.split_at(size);
        if masked(data) != number(sum) {
            return Err(self.damaged("the checksum of an event is wrong"));
        }
        let event = Event::decode(data).map_err(|_| self.damaged("it holds no event"))?;
        self.at = end;
        Ok(Some(event))
    }

    fn size(&self) -> Result<u64, ReadError> {
        let about = self.file.metadata().map_err(|source| self.failed(source))?;
        Ok(about.len())
    }

    /// Whether the file had all of it.
    fn fill(&self, into: &mut [u8], at: u64) -> Result<bool, ReadError> {
        match self.file.read_exact_at(into, at) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged {
            path: self.path.clone(),
            at: self.at,
            what,
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// `TFRecord`'s checksum: CRC-32C, rotated, plus a constant.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn frame(event: &Event) -> Vec<u8> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let mut out = length.to_vec();
        out.extend(masked(&length).to_le_bytes());
        out.extend(&data);
        out.extend(masked(&data).to_le_bytes());
        out
    }

    fn event(step: i64) -> Event {
        Event {
            wall_time: 1.5,
            step,
            summary: None,
        }
    }

    #[test]
    fn the_checksum_is_that_of_tfrecord() {
        // Of the length of the first event that tensorboardX writes: 24 bytes.
        assert_eq!(
            masked(&24_u64.to_le_bytes()).to_le_bytes(),
            [0xa3, 0x7f, 0x4b, 0x22]
        );
    }

    #[test]
    fn events_come_in_order_and_a_half_written_one_comes_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let second = frame(&event(2));
        file.write_all(&frame(&event(1))).unwrap();
        let mut events = EventFile::open(file.path()).unwrap();

        for cut in [0, 5, HEAD, second.len() - 1] {
            file.as_file_mut()
                .set_len(frame(&event(1)).len() as u64)
                .unwrap();
            let mut whole = frame(&event(1));
            whole.extend(&second[..cut]);
            std::fs::write(file.path(), &whole).unwrap();
            if cut == 0 {
                assert_eq!(events.next_event().unwrap(), Some(event(1)));
            }
            assert_eq!(events.next_event().unwrap(), None, "cut at {cut}");
        }
        let mut whole = frame(&event(1));
        whole.extend(&second);
        std::fs::write(file.path(), &whole).unwrap();

        assert_eq!(events.next_event().unwrap(), Some(event(2)));
        assert_eq!(events.next_event().unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_ends_the_file_with_a_place_and_a_reason() {
        let first = frame(&event(1));
        for place in 0..first.len() {
            let mut bytes = first.clone();
            bytes[place] ^= 1;
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let mut events = EventFile::open(file.path()).unwrap();

            let error = events.next_event().unwrap_err();

            assert!(matches!(error, ReadError::Damaged { at: 0, .. }), "{place}");
        }
    }
}
