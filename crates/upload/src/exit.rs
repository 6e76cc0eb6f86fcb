//! `output.log`, the plain console text, put together from the journal when the run has ended.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wandbd_journal::{JournalError, Position};
use wandbd_record::note;
use wandbd_run::PlainConsole;

use crate::cursor::blocking;
use crate::error::UploadError;
use crate::source::Feed;

/// Writes the console text of the journal up to `end` to `path`. Memory stays bounded, however much text there is.
pub(crate) async fn write_console(
    feed: Arc<dyn Feed>,
    end: Position,
    path: PathBuf,
) -> Result<(), UploadError> {
    blocking(move || {
        fold(feed.as_ref(), end, &path).map_err(|error| match error {
            Failure::Journal(error) => error.into(),
            Failure::Io(source) => UploadError::Journal(JournalError::Io {
                action: "write",
                path: path.clone(),
                source,
            }),
        })
    })
    .await
}

enum Failure {
    Journal(JournalError),
    Io(io::Error),
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Failure::Journal(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

fn fold(feed: &dyn Feed, end: Position, path: &Path) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(File::create(path)?);
    let mut console = PlainConsole::new();
    let mut text = String::new();
    let mut source = feed.open(Position::START)?;
    while let Some(frame) = source.try_next()? {
        if frame.end > end {
            break;
        }
        if let Ok(record) = note::decode(&frame.data) {
            console.apply(&record, &mut text);
        }
        if !text.is_empty() {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    console.finish(&mut text);
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
