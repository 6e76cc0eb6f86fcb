//! The console's files, put together from the journal when the run has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wandbd_journal::{JournalError, Position};
use wandbd_record::note;
use wandbd_run::{ConsoleChunk, ConsoleFiles};

use crate::cursor::blocking;
use crate::error::UploadError;
use crate::source::Feed;

/// Writes the console text of the journal up to `end` below `folder` and says which files there are, but for those that are `known`.
/// Memory stays bounded, however much text there is.
pub(crate) async fn write_console(
    feed: Arc<dyn Feed>,
    end: Position,
    folder: PathBuf,
    console: ConsoleFiles,
    known: BTreeSet<String>,
) -> Result<BTreeSet<String>, UploadError> {
    blocking(move || {
        let writer = Writer {
            folder: &folder,
            known: &known,
            open: BTreeMap::new(),
            begun: BTreeSet::new(),
        };
        fold(feed.as_ref(), end, console, writer).map_err(|error| match error {
            Failure::Journal(error) => error.into(),
            Failure::Io(source) => UploadError::Journal(JournalError::Io {
                action: "write the console to",
                path: folder.clone(),
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

struct Writer<'a> {
    folder: &'a Path,
    known: &'a BTreeSet<String>,
    open: BTreeMap<String, BufWriter<File>>,
    begun: BTreeSet<String>,
}

impl Writer<'_> {
    fn write(&mut self, chunk: ConsoleChunk) -> io::Result<()> {
        if self.known.contains(&chunk.file) {
            return Ok(());
        }
        if self.begun.insert(chunk.file.clone()) {
            let path = self.folder.join(&chunk.file);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let file = BufWriter::new(File::create(path)?);
            self.open.insert(chunk.file.clone(), file);
        }
        if let Some(file) = self.open.get_mut(&chunk.file) {
            file.write_all(chunk.text.as_bytes())?;
        }
        match self.open.remove(&chunk.file) {
            Some(mut file) if chunk.ends => file.flush(),
            Some(file) => {
                self.open.insert(chunk.file, file);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn fold(
    feed: &dyn Feed,
    end: Position,
    mut console: ConsoleFiles,
    mut writer: Writer<'_>,
) -> Result<BTreeSet<String>, Failure> {
    let mut chunks = Vec::new();
    let mut source = feed.open(Position::START)?;
    while let Some(frame) = source.try_next()? {
        if frame.end > end {
            break;
        }
        if let Ok(record) = note::decode(&frame.data) {
            console.apply(&record, &mut chunks);
        }
        for chunk in chunks.drain(..) {
            writer.write(chunk)?;
        }
    }
    console.finish(&mut chunks);
    for chunk in chunks {
        writer.write(chunk)?;
    }
    for file in writer.open.values_mut() {
        file.flush()?;
    }
    Ok(writer.begun)
}
