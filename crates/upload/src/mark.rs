//! How a file was when it was uploaded, so that the same content does not go twice.

use std::fmt;
use std::fs::Metadata;
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::cursor::blocking;

/// Of longer files the content is not read to be compared: time and size decide, in bytes.
const HASH_MAX: u64 = 256 << 20;

/// Read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Size, time, content, and the journal position that asked for the file. In the cursor it is one line of text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub(crate) struct Mark {
    size: u64,
    /// Nanoseconds since 1970.
    changed: u128,
    /// Empty: unknown.
    hash: String,
    pub(crate) asked: u64,
}

impl Mark {
    pub(crate) fn of(about: &Metadata, asked: u64) -> Mark {
        let changed = about.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Mark {
            size: about.len(),
            changed: changed.unwrap_or_default().as_nanos(),
            hash: String::new(),
            asked,
        }
    }

    /// Of a file that the uploader makes itself.
    pub(crate) fn generated() -> Mark {
        Mark::default()
    }

    /// Nobody has written to the file since.
    pub(crate) fn untouched(&self, now: &Mark) -> bool {
        (self.size, self.changed) == (now.size, now.changed) && self.changed > 0
    }

    /// It holds the same.
    pub(crate) fn same_content(&self, now: &Mark) -> bool {
        !self.hash.is_empty() && self.size == now.size && self.hash == now.hash
    }

    /// Reads the file, unless it is a long one. A failure leaves the content unknown.
    pub(crate) async fn hash_content(&mut self, path: &Path) {
        if self.size > HASH_MAX {
            return;
        }
        let path = path.to_owned();
        let hashed = blocking(move || Ok(hash(&path).unwrap_or_default())).await;
        self.hash = hashed.unwrap_or_default();
    }
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Md5::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        match chunk.get(..read) {
            Some(bytes) if !bytes.is_empty() => digest.update(bytes),
            _ => break,
        }
    }
    let halves = |byte: u8| [byte >> 4, byte & 15];
    let digits = digest.finalize().into_iter().flat_map(halves);
    let letter = |digit| char::from_digit(u32::from(digit), 16);
    Ok(digits.filter_map(letter).collect())
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = if self.hash.is_empty() {
            "-"
        } else {
            &self.hash
        };
        write!(f, "{} {} {hash} {}", self.size, self.changed, self.asked)
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> String {
        mark.to_string()
    }
}

impl From<String> for Mark {
    /// What an older daemon did not write is unknown; its files count as asked for by all that was read then.
    fn from(text: String) -> Mark {
        let mut words = text.split(' ');
        let size = words.next().and_then(|word| word.parse().ok());
        let changed = words.next().and_then(|word| word.parse().ok());
        let hash = words.next().filter(|hash| *hash != "-");
        let asked = words.next().and_then(|word| word.parse().ok());
        Mark {
            size: size.unwrap_or_default(),
            changed: changed.unwrap_or_default(),
            hash: hash.unwrap_or_default().to_owned(),
            asked: asked.unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_line_of_text_and_old_ones_are_read() {
        let mark = Mark {
            size: 5,
            changed: 7,
            hash: "abc".into(),
            asked: 9,
        };
        assert_eq!(mark.to_string(), "5 7 abc 9");
        assert_eq!(Mark::from(mark.to_string()), mark);
        let unknown = Mark {
            hash: String::new(),
            ..mark.clone()
        };
        assert_eq!(Mark::from(unknown.to_string()), unknown);

        let old = Mark::from("5 7".to_owned());

        assert!(old.untouched(&mark) && !old.same_content(&mark));
        assert_eq!(old.asked, u64::MAX);
        assert_eq!(Mark::from("generated".to_owned()).asked, u64::MAX);
    }

    #[tokio::test]
    async fn a_file_that_was_only_touched_holds_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut marks = Vec::new();
        for content in ["one", "one", "two"] {
            std::fs::write(&path, content).unwrap();
            let mut mark = Mark::of(&std::fs::metadata(&path).unwrap(), 1);
            mark.hash_content(&path).await;
            marks.push(mark);
        }

        assert!(marks[0].same_content(&marks[1]));
        assert!(!marks[0].same_content(&marks[2]));
    }
}
