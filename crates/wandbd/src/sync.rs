//! `wandbd sync`: files of runs, ours or written by another SDK, delivered by the same uploader.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::mpsc;
use wandbd_ingest::{RunLog, synced_mark};
use wandbd_journal::{FileReader, Position};
use wandbd_proto::v1::{self, run, sync_progress::State};
use wandbd_upload::{FileFeed, Outcome, Overrides, Setup, Uploader};

use crate::deliver::{Deliveries, chain, journal_name};

/// How deep folders are searched for journals: `wandb/run-x/run-x.wandb` from a project's folder, and one more.
const DEPTH: usize = 4;

impl Deliveries {
    /// Begins to deliver; progress goes to `out`, which is dropped at the end.
    pub(crate) fn sync(
        self: &Arc<Self>,
        request: v1::SyncRequest,
        out: mpsc::Sender<v1::SyncProgress>,
    ) -> Result<(), String> {
        let mut journals = Vec::new();
        for path in &request.path {
            let found = find(Path::new(path))?;
            if found.is_empty() {
                return Err(format!(
                    "{path} holds no .wandb file; name a run's folder or file"
                ));
            }
            journals.extend(found);
        }
        if journals.len() > 1 && !request.run_id.is_empty() {
            return Err(format!(
                "--id is for one run, and {} were found",
                journals.len()
            ));
        }
        let this = Arc::clone(self);
        self.spawn(async move {
            for journal in journals {
                let news = News {
                    path: journal.display().to_string(),
                    out: &out,
                };
                if news.out.is_closed() {
                    return;
                }
                Box::pin(this.sync_one(&journal, &request, &news)).await;
            }
        });
        Ok(())
    }

    async fn sync_one(&self, journal: &Path, request: &v1::SyncRequest, news: &News<'_>) {
        if !request.again && synced_mark(journal).exists() {
            news.say(
                State::Skipped,
                "delivered already; --include-synced delivers it again",
            )
            .await;
            return;
        }
        if request.again
            && let Err(error) = forget_cursor(journal)
        {
            news.say(State::Failed, &format!("cannot start over: {error}"))
                .await;
            return;
        }
        let overrides = Overrides {
            entity: wish(&request.entity),
            project: wish(&request.project),
            run_id: wish(&request.run_id),
        };
        let elsewhere = [&overrides.entity, &overrides.project, &overrides.run_id];
        if elsewhere.iter().any(|wish| wish.is_some())
            && let Err(error) = wandbd_upload::forget(self.files.as_ref(), journal)
        {
            // Another destination has none of what the first one accepted.
            news.say(State::Failed, &format!("cannot start over: {error}"))
                .await;
            return;
        }
        match self.hub.find(journal) {
            Some(run) => Box::pin(self.sync_known(&run, request, &overrides, news)).await,
            None => Box::pin(self.sync_file(journal, request, overrides, news)).await,
        }
    }

    /// A run of this daemon: poked if it is on its way already, delivered now if it waits for a person.
    async fn sync_known(
        &self,
        run: &Arc<RunLog>,
        request: &v1::SyncRequest,
        overrides: &Overrides,
        news: &News<'_>,
    ) {
        let mut delivery = run.delivery();
        let asked = request.server.clone().unwrap_or_default();
        let delivering = async {
            if self.retry(run) {
                return;
            }
            match self
                .servers
                .of_request(&asked, Some(run.opened()), &news.path)
            {
                Ok(settings) => {
                    Box::pin(self.deliver(run, &settings, overrides)).await;
                }
                Err(cause) => run.set_delivery(|delivery| {
                    delivery.state = run::State::Parked;
                    delivery.cause = cause;
                }),
            }
        };
        news.say(State::Started, "known to the daemon").await;
        tokio::pin!(delivering);
        let mut started = false;
        loop {
            tokio::select! {
                () = &mut delivering, if !started => started = true,
                changed = delivery.changed() => if changed.is_err() { return },
            }
            let now = run.describe(false);
            match now.state() {
                run::State::Delivered => {
                    news.tell(State::Done, "", &now.url, now.rows_delivered)
                        .await;
                    return;
                }
                run::State::Parked => {
                    news.tell(State::Failed, &now.cause, &now.url, now.rows_delivered)
                        .await;
                    return;
                }
                _ => {
                    news.tell(State::Uploading, &now.cause, &now.url, now.rows_delivered)
                        .await;
                }
            }
            if news.out.is_closed() {
                return;
            }
        }
    }

    /// A file that no run of this daemon writes.
    async fn sync_file(
        &self,
        journal: &Path,
        request: &v1::SyncRequest,
        overrides: Overrides,
        news: &News<'_>,
    ) {
        let lane = self.lane(journal_name(journal));
        let _alone = lane.lock().await;
        let setup = match self.file_setup(journal, request, overrides) {
            Ok(setup) => setup,
            Err(reason) => return news.say(State::Failed, &reason).await,
        };
        news.say(State::Started, "delivering").await;
        let (uploader, handle) = Uploader::new(setup);
        let mut progress = handle.progress();
        let mut uploading = Box::pin(uploader.run(self.stop_token()));
        let outcome = loop {
            tokio::select! {
                outcome = &mut uploading => break outcome,
                Ok(()) = progress.changed() => {
                    let now = progress.borrow_and_update().clone();
                    let url = now.opened.map(|opened| opened.url).unwrap_or_default();
                    news.tell(State::Uploading, &now.cause, &url, now.rows_delivered).await;
                    if news.out.is_closed() {
                        return; // Ctrl-C; the cursor knows how far it came
                    }
                }
            }
        };
        let last = progress.borrow().clone();
        let url = last.opened.map(|opened| opened.url).unwrap_or_default();
        match outcome {
            Ok(Outcome::Delivered) => match fs::write(synced_mark(journal), "") {
                Ok(()) => news.tell(State::Done, "", &url, last.rows_delivered).await,
                Err(error) => {
                    let message = format!("but it could not be marked as synced: {error}");
                    news.tell(State::Done, &message, &url, last.rows_delivered)
                        .await;
                }
            },
            Ok(Outcome::Stopped) => {
                news.say(State::Failed, "the daemon stops; ask again when it runs")
                    .await;
            }
            Err(error) => news.say(State::Failed, &chain(&error)).await,
        }
    }

    fn file_setup(
        &self,
        journal: &Path,
        request: &v1::SyncRequest,
        overrides: Overrides,
    ) -> Result<Setup, String> {
        let recorded = self.read_opening(journal)?;
        let asked = request.server.clone().unwrap_or_default();
        let path = journal.display().to_string();
        let settings = self.servers.of_request(&asked, recorded.as_ref(), &path)?;
        let destination = self.destination(&settings).map_err(|error| chain(&error))?;
        let feed = Arc::new(FileFeed::new(Arc::clone(&self.files), journal));
        let mut setup = Setup::new(
            feed,
            journal,
            Arc::clone(&self.files),
            Arc::new(destination),
        );
        setup.budget = self.budget(&settings);
        setup.timing = self.timing();
        setup.overrides = overrides;
        Ok(setup)
    }

    /// What was said when the run was opened, if the file is ours; an error if it is no journal at all.
    fn read_opening(&self, journal: &Path) -> Result<Option<v1::Opened>, String> {
        let mut reader = FileReader::open(self.files.as_ref(), journal, Position::START)
            .map_err(|error| chain(&error))?;
        while let Some(frame) = reader.next_frame().map_err(|error| chain(&error))? {
            let record = wandbd_record::note::decode(&frame.data)
                .map_err(|error| format!("not a W&B run file: {error}"))?;
            if matches!(
                record.record_type,
                Some(wandbd_proto::wandb::record::RecordType::Run(_))
            ) {
                let note =
                    wandbd_record::note::note_of(&record).map_err(|error| error.to_string())?;
                return Ok(note.and_then(|note| note.opened));
            }
        }
        Err("it holds no run record, so nothing says which run this is".into())
    }
}

/// Says how one file goes.
struct News<'a> {
    path: String,
    out: &'a mpsc::Sender<v1::SyncProgress>,
}

impl News<'_> {
    async fn say(&self, state: State, message: &str) {
        self.tell(state, message, "", 0).await;
    }

    async fn tell(&self, state: State, message: &str, url: &str, rows: u64) {
        let news = v1::SyncProgress {
            path: self.path.clone(),
            state: state.into(),
            message: message.to_owned(),
            url: url.to_owned(),
            rows,
        };
        // A person who pressed Ctrl-C needs no news.
        self.out.send(news).await.ok();
    }
}

fn wish(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Sends everything again, to the same offsets: the opened block stays.
fn forget_cursor(journal: &Path) -> std::io::Result<()> {
    for suffix in ["cursor", "synced"] {
        let mut name = journal.as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Journals at or below `path`, in the order of their names.
fn find(path: &Path) -> Result<Vec<PathBuf>, String> {
    let meta =
        fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut found = Vec::new();
    if meta.is_file() {
        found.push(path.to_owned());
    } else {
        search(path, DEPTH, &mut found);
        found.sort();
    }
    Ok(found)
}

fn search(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 1 {
            search(&path, depth - 1, found);
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "wandb")
        {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_are_found_below_a_folder_and_a_named_file_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("wandb/offline-run-1");
        fs::create_dir_all(run.join("files")).unwrap();
        fs::write(run.join("run-1.wandb"), "").unwrap();
        fs::write(run.join("files/config.yaml"), "").unwrap();

        assert_eq!(find(dir.path()).unwrap(), [run.join("run-1.wandb")]);
        assert_eq!(
            find(&run.join("files/config.yaml")).unwrap(),
            [run.join("files/config.yaml")]
        );
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        assert!(
            find(Path::new("/no/such/run"))
                .unwrap_err()
                .contains("/no/such/run")
        );
    }
}
