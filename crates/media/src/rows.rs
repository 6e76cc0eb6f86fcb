//! Rows of tables, kept in `<table>.rows` until their table comes.
//!
//! A file of frames: a header of 24 bytes (the word `WBRF`, bytes of the payload, its CRC-32, number of rows, number of the
//! first row; little endian), then one `TableRows` message. An unfinished frame at the end is cut when the next one is
//! appended; a frame whose sum is wrong is passed over, so that the rows that were sent again count.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use prost::Message as _;
use wandbd_record::v1;

use crate::error::MediaError;
use crate::names;

const MAGIC: u32 = u32::from_le_bytes(*b"WBRF");
const HEADER: u64 = 24;

/// Keeps rows until their table comes, synced to disk (the folder is not). Rows that are there already are not written again.
/// # Errors
/// Those of the disk; `InvalidInput` for a table whose name is not 1 to 64 characters of `[0-9a-zA-Z_-]`.
pub fn append_rows(dir: &Path, rows: &v1::TableRows) -> io::Result<()> {
    let path = path(dir, &rows.table)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let payload = rows.encode_to_vec();
    let frame = Frame {
        at: 0,
        length: u32::try_from(payload.len()).map_err(io::Error::other)?,
        crc: crc32fast::hash(&payload),
        count: u32::try_from(rows.row.len()).map_err(io::Error::other)?,
        first: rows.first_row,
    };
    let (frames, end) = frames(&file)?;
    for known in &frames {
        let same =
            known.first == frame.first && known.count == frame.count && known.crc == frame.crc;
        if same && known.read(&file)?.is_some() {
            return file.sync_data();
        }
    }
    if file.metadata()?.len() > end {
        file.set_len(end)?;
    }
    let mut bytes = frame.header();
    bytes.extend(payload);
    file.write_all_at(&bytes, end)?;
    file.sync_data()
}

/// Calls `visit` with the rows from `first` on, `count` of them, in order.
pub(crate) fn visit(
    dir: &Path,
    table: &str,
    first: u64,
    count: u64,
    mut visit: impl FnMut(u64, &v1::TableRow) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let path = path(dir, table)?;
    let missing = |from, to| MediaError::Rows {
        table: table.to_owned(),
        from,
        to,
    };
    let end = first
        .checked_add(count)
        .ok_or_else(|| missing(first, u64::MAX))?;
    if count == 0 {
        return Ok(());
    }
    let failed = |source| MediaError::read(&path, source);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(first, end)),
        opened => opened.map_err(failed)?,
    };
    let (mut frames, _) = frames(&file).map_err(failed)?;
    frames.sort_by_key(|frame| frame.first);
    let mut next = first;
    for frame in &frames {
        if next == end {
            break;
        }
        let behind = frame.first.saturating_add(u64::from(frame.count));
        if behind <= next || frame.first > next {
            continue;
        }
        let Some(rows) = frame.read(&file).map_err(failed)? else {
            continue;
        };
        for (number, row) in (frame.first..).zip(&rows.row) {
            if number == next && number < end {
                visit(number, row)?;
                next += 1;
            }
        }
    }
    if next < end {
        return Err(missing(next, end));
    }
    Ok(())
}

fn path(dir: &Path, table: &str) -> Result<PathBuf, MediaError> {
    names::check_id(table)?;
    Ok(dir.join(format!("{table}.rows")))
}

struct Frame {
    /// Where its payload begins.
    at: u64,
    length: u32,
    crc: u32,
    count: u32,
    first: u64,
}

impl Frame {
    fn header(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length as usize + 24);
        out.extend(MAGIC.to_le_bytes());
        out.extend(self.length.to_le_bytes());
        out.extend(self.crc.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(self.first.to_le_bytes());
        out
    }

    /// Its rows, if they are whole.
    fn read(&self, file: &File) -> io::Result<Option<v1::TableRows>> {
        let mut payload = vec![0; self.length as usize];
        file.read_exact_at(&mut payload, self.at)?;
        if crc32fast::hash(&payload) != self.crc {
            return Ok(None);
        }
        Ok(v1::TableRows::decode(&*payload).ok())
    }
}

/// All frames, and where the last one ends.
fn frames(file: &File) -> io::Result<(Vec<Frame>, u64)> {
    let length = file.metadata()?.len();
    let mut all = Vec::new();
    let mut at = 0;
    while at + HEADER <= length {
        let mut head = [0; 24];
        file.read_exact_at(&mut head, at)?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let frame = Frame {
            at: at + HEADER,
            length: word(4),
            crc: word(8),
            count: word(12),
            first: u64::from(word(16)) | u64::from(word(20)) << 32,
        };
        let end = frame.at + u64::from(frame.length);
        if word(0) != MAGIC || end > length {
            break;
        }
        all.push(frame);
        at = end;
    }
    Ok((all, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wandbd_record::v1::cell::Value;

    use super::*;

    fn rows(first_row: u64, count: u64) -> v1::TableRows {
        v1::TableRows {
            table: "t".to_owned(),
            first_row,
            row: (first_row..first_row + count)
                .map(|number| v1::TableRow {
                    cell: vec![v1::Cell {
                        value: Some(Value::Integer(number.cast_signed())),
                    }],
                })
                .collect(),
        }
    }

    fn read(dir: &Path, first: u64, count: u64) -> Result<Vec<u64>, MediaError> {
        let mut seen = Vec::new();
        visit(dir, "t", first, count, |number, row| {
            assert_eq!(
                row.cell[0].value,
                Some(Value::Integer(number.cast_signed()))
            );
            seen.push(number);
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn rows_sent_twice_count_once() {
        let dir = tempfile::tempdir().unwrap();
        for (first, count) in [(0, 3), (3, 2), (3, 2), (2, 4), (0, 3)] {
            append_rows(dir.path(), &rows(first, count)).unwrap();
        }

        assert_eq!(read(dir.path(), 0, 6).unwrap(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(read(dir.path(), 2, 2).unwrap(), [2, 3]);
        assert!(read(dir.path(), 0, 0).unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_frame_is_cut_and_its_rows_come_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.rows");
        append_rows(dir.path(), &rows(0, 3)).unwrap();
        let whole = fs::metadata(&path).unwrap().len();
        append_rows(dir.path(), &rows(3, 3)).unwrap();
        for length in whole..fs::metadata(&path).unwrap().len() {
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(length)
                .unwrap();

            append_rows(dir.path(), &rows(3, 3)).unwrap();

            assert_eq!(read(dir.path(), 0, 6).unwrap().len(), 6, "{length}");
        }
    }

    #[test]
    fn a_frame_that_a_power_cut_spoiled_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.rows");
        append_rows(dir.path(), &rows(0, 3)).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        file.write_all_at(&[0; 4], length - 4).unwrap();

        assert!(read(dir.path(), 0, 3).is_err());
        append_rows(dir.path(), &rows(0, 3)).unwrap();

        assert_eq!(read(dir.path(), 0, 3).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn rows_that_never_came_are_named() {
        let dir = tempfile::tempdir().unwrap();
        append_rows(dir.path(), &rows(0, 2)).unwrap();
        append_rows(dir.path(), &rows(5, 2)).unwrap();

        let refused = read(dir.path(), 0, 7).unwrap_err().to_string();

        assert_eq!(refused, "rows 2 to 7 of table \"t\" are missing");
        assert!(read(dir.path(), 0, u64::MAX).is_err());
        assert!(read(dir.path(), u64::MAX, 2).is_err());
        assert!(visit(dir.path(), "other", 0, 1, |_, _| Ok(())).is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for table in ["", "../t", "a/b", "a.b"] {
            let given = v1::TableRows {
                table: table.to_owned(),
                ..rows(0, 1)
            };
            assert!(append_rows(dir.path(), &given).is_err(), "{table}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            let mut file = b"WBRF".to_vec();
            file.extend(bytes);
            fs::write(dir.path().join("t.rows"), file).unwrap();

            append_rows(dir.path(), &rows(0, 2)).unwrap();

            prop_assert_eq!(read(dir.path(), 0, 2).unwrap(), [0, 1]);
        }
    }
}
