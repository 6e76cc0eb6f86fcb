//! Event files of `TensorBoard`: the daemon reads them beside the run and speaks for them, as a session of its own for each file.
//!
//! The records of a file are a function of its content, so their numbers are, too: after a restart the file is read from its
//! beginning, and what is journaled already is skipped like anything that is sent twice.

mod steps;

use std::{
    collections::BTreeMap,
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use wandbd_proto::v1;
use wandbd_tensorboard::EventFile;

use crate::{
    drops::Drops,
    error::IngestError,
    events::steps::Steps,
    hub::Hub,
    making::{News, Turn},
    run_log::RunLog,
    status::chain,
};

/// Records of one chunk.
const CHUNK: usize = 256;
/// Why values are counted that are left out.
const LEFT_OUT: &str = "values of event files of a kind that is not taken over";
/// Why a file is counted.
const DAMAGED: &str = "event files that could not be read to their end";

/// The event files of a run.
#[derive(Debug, Default)]
pub(crate) struct Events {
    files: BTreeMap<PathBuf, Followed>,
}

#[derive(Debug)]
struct Followed {
    file: Option<EventFile>,
    steps: Steps,
    session: String,
    /// Records before those in `waiting`.
    said: u64,
    waiting: Vec<v1::Record>,
}

impl Events {
    /// Journals what has come; at the last time also the step that might have gone on. False when not all could be journaled.
    pub(crate) async fn read(&mut self, run: &Arc<RunLog>, hub: &Arc<Hub>, last: bool) -> bool {
        if !run.see().event_files {
            return true;
        }
        let all = run.with_disk(|run| run.lock().memory.event_files.clone());
        let Ok(folders) = all.await else {
            return false;
        };
        loop {
            let (mut taken, drops) = (mem::take(self), Arc::clone(&hub.drops));
            let known = folders.clone();
            let gathered = tokio::task::spawn_blocking(move || {
                let more = taken.gather(&known, last, &drops);
                (taken, more)
            });
            // When the thread is lost the files are read from their beginning again.
            let Ok((taken, more)) = gathered.await else {
                return false;
            };
            *self = taken;
            for followed in self.files.values_mut() {
                if let Err(error) = followed.say(run, hub).await {
                    let error = chain(&error);
                    tracing::warn!(
                        run = run.run_id(),
                        error,
                        "rows of event files are not journaled yet"
                    );
                    return false;
                }
            }
            if !more {
                return true;
            }
        }
    }

    /// Reads at most [`CHUNK`] records of each file. Blocking. True: there may be more.
    fn gather(
        &mut self,
        folders: &BTreeMap<String, v1::EventFiles>,
        last: bool,
        drops: &Drops,
    ) -> bool {
        let mut more = false;
        for files in folders.values() {
            for path in event_files(Path::new(&files.folder)) {
                let followed = self
                    .files
                    .entry(path.clone())
                    .or_insert_with(|| Followed::new(&path, files, drops));
                more |= followed.gather(&files.namespace, last, drops);
            }
        }
        more
    }
}

impl Followed {
    fn new(path: &Path, files: &v1::EventFiles, drops: &Drops) -> Followed {
        let mut followed = Followed {
            file: opened(path, drops),
            steps: Steps::new(path),
            session: format!("events:{}", path.display()),
            said: 0,
            waiting: Vec::new(),
        };
        if files.save {
            followed.waiting.extend(steps::save(path, &files.namespace));
        }
        followed
    }

    fn gather(&mut self, namespace: &str, last: bool, drops: &Drops) -> bool {
        while self.waiting.len() < CHUNK {
            let event = self.file.as_mut().map(EventFile::next_event);
            match event {
                Some(Ok(Some(event))) => {
                    let left_out = self.steps.take(namespace, &event, &mut self.waiting);
                    drops.count(LEFT_OUT, left_out);
                }
                Some(Ok(None)) | None => {
                    if last {
                        self.steps.end(&mut self.waiting);
                    }
                    return false;
                }
                Some(Err(error)) => {
                    let error = chain(&error);
                    tracing::warn!(error, "an event file is not followed any more");
                    drops.count(DAMAGED, 1);
                    self.file = None;
                }
            }
        }
        true
    }

    /// Journals what waits. On an error all of it still waits.
    async fn say(&mut self, run: &Arc<RunLog>, hub: &Arc<Hub>) -> Result<(), IngestError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunk = v1::Chunk {
            first_seq: self.said + 1,
            record: self.waiting.clone(),
        };
        let session = self.session.clone();
        let known = run
            .with_disk(move |run| run.lock().memory.sessions.get(&session).copied())
            .await?
            .unwrap_or(0);
        let shop = Arc::clone(&hub.workshop);
        let prepared = shop
            .prepare(
                Arc::clone(run),
                chunk,
                known,
                News::default(),
                Turn::default(),
            )
            .await?;
        let session = self.session.clone();
        let appended = run
            .with_disk(move |run| run.append_chunk(&session, prepared))
            .await
            .flatten()?;
        for refusal in &appended.refused {
            let reason = &refusal.reason;
            tracing::warn!(run = run.run_id(), reason, "a row of an event file");
        }
        self.said += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

fn opened(path: &Path, drops: &Drops) -> Option<EventFile> {
    EventFile::open(path)
        .inspect_err(|error| {
            let error = chain(error);
            tracing::warn!(error, "an event file is not followed");
            drops.count(DAMAGED, 1);
        })
        .ok()
}

/// The event files of a folder, which may not be there yet, in the order of their names: these begin with the time.
fn event_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains("tfevents"))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}
