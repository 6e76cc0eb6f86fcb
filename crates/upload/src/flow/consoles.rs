//! Console files in a series: each is uploaded when it is complete, while the run goes on. What is open at the end is made from the
//! journal then, like the one file of other runs.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::time::Instant;
use tracing::warn;
use wandbd_record::wandb::Record;
use wandbd_run::{ConsoleChunk, ConsoleFiles, FilePolicy};

use super::Flow;

/// Text that waits to be written; with more, the journal is not read further, in bytes.
const WAITING_MAX: usize = 4 << 20;

/// The series under way.
pub(super) struct Consoles {
    files: ConsoleFiles,
    out: Vec<ConsoleChunk>,
    /// Files of which this process has written the beginning.
    begun: BTreeSet<String>,
}

/// What was written.
pub(super) struct Written {
    begun: BTreeSet<String>,
    ended: Vec<String>,
    failed: bool,
}

impl Consoles {
    pub(super) fn new(files: ConsoleFiles) -> Consoles {
        Consoles {
            files,
            out: Vec::new(),
            begun: BTreeSet::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.iter().map(|chunk| chunk.text.len()).sum::<usize>() >= WAITING_MAX
    }
}

impl Flow {
    /// Text for a file that has arrived before is not written again.
    pub(super) fn apply_console(&mut self, record: &Record) {
        let Some(consoles) = &mut self.consoles else {
            return;
        };
        let before = consoles.out.len().saturating_sub(1);
        consoles.files.apply(record, &mut consoles.out);
        if consoles.out.len() > before {
            let known = &self.cursor.files;
            consoles
                .out
                .retain(|chunk| !known.contains_key(&chunk.file));
        }
    }

    pub(super) fn start_writing(&mut self) {
        let Some(consoles) = self.consoles.as_mut() else {
            return;
        };
        // At the end everything is made from the journal.
        if consoles.out.is_empty() || self.exit.is_some() {
            return;
        }
        let chunks = std::mem::take(&mut consoles.out);
        let begun = std::mem::take(&mut consoles.begun);
        let folder = self.parts.folder.clone();
        let work = tokio::task::spawn_blocking(move || append(&folder, chunks, begun));
        self.jobs.writing = Some(Box::pin(async move {
            Ok(work.await.unwrap_or(Written {
                begun: BTreeSet::new(),
                ended: Vec::new(),
                failed: true,
            }))
        }));
    }

    pub(super) fn console_written(&mut self, written: Written) {
        if let Some(consoles) = &mut self.consoles {
            consoles.begun = written.begun;
        }
        if written.failed {
            self.parts
                .courier
                .standing
                .skipped("console file not written");
        }
        let due = Instant::now() + self.parts.poster.pace.files_debounce;
        for name in written.ended {
            if self.ignored.matches(&name) {
                continue;
            }
            let known = self.cursor.files.get(&name);
            let asked = self.position.0;
            self.waiting.add((name, FilePolicy::Now), asked, known, due);
        }
    }

    /// The console's files as this run wants them.
    pub(super) fn console_files(&self) -> ConsoleFiles {
        let said = self.parts.poster.start.said();
        let limits = said.and_then(|said| said.console_files);
        ConsoleFiles::new(limits, self.parts.opened.label.as_deref())
    }
}

fn append(folder: &Path, chunks: Vec<ConsoleChunk>, begun: BTreeSet<String>) -> Written {
    let mut written = Written {
        begun,
        ended: Vec::new(),
        failed: false,
    };
    for chunk in chunks {
        let path = folder.join(&chunk.file);
        let first = written.begun.insert(chunk.file.clone());
        if let Err(error) = append_text(path.clone(), &chunk.text, first) {
            warn!(path = %path.display(), %error, "console file not written");
            written.failed = true;
        } else if chunk.ends {
            written.begun.remove(&chunk.file);
            written.ended.push(chunk.file);
        }
    }
    written
}

fn append_text(path: PathBuf, text: &str, first: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    if first {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        options.write(true).create(true).truncate(true);
    } else {
        options.append(true);
    }
    options.open(path)?.write_all(text.as_bytes())
}
