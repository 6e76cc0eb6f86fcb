use std::io;
use std::path::Path;

use crate::error::JournalError;
use crate::files::{Files, OpenFile, read_full, replace, write_all};
use crate::format::small;
use crate::position::Position;

/// Bytes copied at once.
const COPY: u64 = 1 << 20;

/// Puts the durable prefix of a journal into a new file under the same name.
///
/// For after a failed sync, when the old file must not be trusted past `durable`. Positions stay the same; go on with
/// [`Journal::resume_at`](crate::Journal::resume_at). Old handles keep the old file. The copy lies beside the journal as `<name>.rehome` until it is complete.
///
/// # Errors
/// [`JournalError::BeyondEnd`] when the file is shorter than `durable`; [`JournalError::Io`], and the old file is still in place.
pub fn rehome(files: &dyn Files, path: &Path, durable: Position) -> Result<(), JournalError> {
    let old = files
        .open_read(path)
        .map_err(JournalError::io("open", path))?;
    let len = old
        .size()
        .map_err(JournalError::io("read the size of", path))?;
    if len < durable.0 {
        return Err(JournalError::BeyondEnd {
            position: durable,
            end: Position(len),
            path: path.to_owned(),
        });
    }
    replace(files, path, ".rehome", |new| {
        copy(old.as_ref(), new, durable.0)
    })
    .map_err(JournalError::io("copy to a new file", path))
}

fn copy(old: &dyn OpenFile, new: &dyn OpenFile, len: u64) -> io::Result<()> {
    let mut at = 0;
    let mut buffer = vec![0; small(COPY.min(len))];
    while at < len {
        let part = small(COPY.min(len - at));
        let got = read_full(old, &mut buffer[..part], at)?;
        if got < part {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all(new, &buffer[..part], at)?;
        at += part as u64;
    }
    Ok(())
}
