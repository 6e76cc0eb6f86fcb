//! Small files that are replaced as a whole: how far a destination has come.
//!
//! `WBDCURS1`, length (u64 LE), CRC-32 of the content (u32 LE), content. Saving writes a file beside it (`<name>.new`), syncs it, renames it
//! over the old one and syncs the directory, so that after a crash either the old or the new cursor is there, whole.

use std::io;
use std::path::Path;

use crate::error::CursorError;
use crate::files::{Files, read_full, replace, write_all};
use crate::format::small;

const MAGIC: [u8; 8] = *b"WBDCURS1";

const HEAD: usize = MAGIC.len() + 8 + 4;

/// Saves `content` under `path`; when this returns it survives a power cut.
///
/// # Errors
/// [`CursorError::Io`]; the cursor saved before is still there.
pub fn save(files: &dyn Files, path: &Path, content: &[u8]) -> Result<(), CursorError> {
    let mut bytes = Vec::with_capacity(HEAD + content.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    bytes.extend_from_slice(content);
    replace(files, path, ".new", |file| write_all(file, &bytes, 0))
        .map_err(CursorError::io("save the cursor", path))
}

/// The content saved last; `None` when none was ever saved.
///
/// # Errors
/// [`CursorError::Damaged`] when the file is not what was saved, [`CursorError::Io`].
pub fn load(files: &dyn Files, path: &Path) -> Result<Option<Vec<u8>>, CursorError> {
    let bytes = match read(files, path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CursorError::io("load the cursor", path)(error)),
    };
    check(&bytes)
        .map(|content| Some(content.to_vec()))
        .map_err(|why| CursorError::Damaged {
            why,
            path: path.to_owned(),
        })
}

fn read(files: &dyn Files, path: &Path) -> io::Result<Vec<u8>> {
    let file = files.open_read(path)?;
    let mut bytes = vec![0; small(file.size()?)];
    let got = read_full(file.as_ref(), &mut bytes, 0)?;
    bytes.truncate(got);
    Ok(bytes)
}

fn check(bytes: &[u8]) -> Result<&[u8], &'static str> {
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or("too short")?;
    let (len, rest) = rest.split_first_chunk::<8>().ok_or("too short")?;
    let (crc, content) = rest.split_first_chunk::<4>().ok_or("too short")?;
    if *magic != MAGIC {
        return Err("not a cursor");
    }
    if u64::from_le_bytes(*len) != content.len() as u64 {
        return Err("wrong length");
    }
    if u32::from_le_bytes(*crc) != crc32fast::hash(content) {
        return Err("wrong checksum");
    }
    Ok(content)
}
