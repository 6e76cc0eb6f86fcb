//! `wandbd sync`: files of runs, ours or written by another SDK, delivered by the same uploader.
//!
//! What is asked for is surveyed first. Files of one run are its segments: they go up one after the other in the order of their start, each
//! where the one before ended, so that steps go on; up to five runs go up at the same time. A file that a process still writes is refused
//! unless it is followed: `.synced` on half a run would be the end of it.

pub(crate) mod find;
mod follow;
mod known;
mod survey;
mod writer;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use wandbd_ingest::synced_mark;
use wandbd_proto::v1::{self, sync_progress::State};
use wandbd_upload::{Feed, FileFeed, Outcome, Overrides, Setup, Uploader};

use self::{
    find::{Choice, Found, find},
    follow::Follow,
    survey::Survey,
};
use crate::{
    attempt::LeftOut,
    deliver::{Deliveries, chain, journal_name},
};

/// Runs delivered at the same time, as in W&B's own tool.
const AT_ONCE: usize = 5;

impl Deliveries {
    /// Begins to deliver; progress goes to `out`, which is dropped at the end.
    pub(crate) fn sync(
        self: &Arc<Self>,
        request: v1::SyncRequest,
        out: mpsc::Sender<v1::SyncProgress>,
    ) -> Result<(), String> {
        let mut journals = Vec::new();
        for path in &request.path {
            let found = find(Path::new(path), request.online)?;
            if found.journals.is_empty() && !request.follow {
                return Err(nothing(path, &found));
            }
            journals.extend(found.journals);
        }
        let this = Arc::clone(self);
        let request = Arc::new(request);
        self.spawn(async move {
            let mut done = journals.clone();
            this.sync_all(journals, &request, &out).await;
            while request.follow && this.more(&mut done, &request, &out).await {}
        });
        Ok(())
    }

    /// Delivers what has appeared meanwhile where folders of folders are followed; false when there are none.
    async fn more(
        self: &Arc<Self>,
        done: &mut Vec<PathBuf>,
        request: &Arc<v1::SyncRequest>,
        out: &mpsc::Sender<v1::SyncProgress>,
    ) -> bool {
        let found: Vec<Found> = request
            .path
            .iter()
            .filter_map(|path| find(Path::new(path), request.online).ok())
            .filter(|found| found.is_shelf)
            .collect();
        if found.is_empty() {
            return false;
        }
        let new: Vec<PathBuf> = found
            .into_iter()
            .flat_map(|found| found.journals)
            .filter(|journal| !done.contains(journal))
            .collect();
        done.extend(new.iter().cloned());
        self.sync_all(new, request, out).await;
        tokio::select! {
            () = self.stopped() => false,
            () = out.closed() => false,
            () = tokio::time::sleep(follow::LOOK) => true,
        }
    }

    async fn sync_all(
        self: &Arc<Self>,
        journals: Vec<PathBuf>,
        request: &Arc<v1::SyncRequest>,
        out: &mpsc::Sender<v1::SyncProgress>,
    ) {
        let mut runs: BTreeMap<String, Vec<Survey>> = BTreeMap::new();
        let mut tasks = JoinSet::new();
        for path in journals {
            let news = News::new(&path, out);
            match self.survey(&path, request).await {
                Ok(Some(survey)) => runs.entry(name(&survey, request)).or_default().push(survey),
                Ok(None) => {}
                Err(reason) => match writer::writer(&path) {
                    Some(_) if request.follow => {
                        let (this, request, out) =
                            (Arc::clone(self), Arc::clone(request), out.clone());
                        tasks.spawn(async move { this.sync_begun(&path, &request, &out).await });
                    }
                    Some(pid) => news.say(State::Failed, &still_written(pid)).await,
                    None => news.say(State::Failed, &reason).await,
                },
            }
        }
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for mut segments in runs.into_values() {
            segments.sort_by(|a, b| a.start().total_cmp(&b.start()));
            let (this, request, out) = (Arc::clone(self), Arc::clone(request), out.clone());
            let room = Arc::clone(&room);
            tasks.spawn(async move {
                let Ok(_place) = room.acquire().await else {
                    return;
                };
                Box::pin(this.sync_run(&segments, &request, &out)).await;
            });
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "sync ended badly");
            }
        }
    }

    /// A file whose writer has not yet written which run it is.
    async fn sync_begun(
        &self,
        path: &Path,
        request: &v1::SyncRequest,
        out: &mpsc::Sender<v1::SyncProgress>,
    ) {
        let news = News::new(path, out);
        news.say(State::Started, "has only just begun; waiting for it")
            .await;
        loop {
            let written = writer::writer(path).is_some();
            match self.survey(path, request).await {
                Ok(Some(survey)) => {
                    return Box::pin(self.sync_run(&[survey], request, out)).await;
                }
                Ok(None) => return news.say(State::Skipped, "not asked for").await,
                Err(reason) if !written => return news.say(State::Failed, &reason).await,
                Err(_) => {}
            }
            tokio::select! {
                () = self.stopped() => return,
                () = out.closed() => return,
                () = tokio::time::sleep(follow::LOOK) => {}
            }
        }
    }

    /// `None` when it is not among those that are asked for.
    async fn survey(
        &self,
        path: &Path,
        request: &v1::SyncRequest,
    ) -> Result<Option<Survey>, String> {
        let (files, path) = (Arc::clone(&self.files), path.to_owned());
        let survey = tokio::task::spawn_blocking(move || Survey::of(files.as_ref(), &path))
            .await
            .map_err(|error| format!("it could not be read: {error}"))??;
        let choice = Choice {
            include: request.include_glob.clone(),
            exclude: request.exclude_glob.clone(),
        };
        Ok(choice.takes(&survey.run.run_id).then_some(survey))
    }

    /// The segments of one run, in the order of their start.
    async fn sync_run(
        &self,
        segments: &[Survey],
        request: &v1::SyncRequest,
        out: &mpsc::Sender<v1::SyncProgress>,
    ) {
        for (index, survey) in segments.iter().enumerate() {
            let news = News::new(&survey.path, out);
            if out.is_closed() {
                return;
            }
            let overrides = Overrides {
                entity: wish(&request.entity),
                project: wish(&request.project),
                run_id: wish(&request.run_id),
                job_type: wish(&request.job_type),
                resume: index > 0 || self.goes_on(survey).await,
            };
            if !Box::pin(self.sync_one(survey, request, overrides, &news)).await {
                for later in &segments[index + 1..] {
                    let news = News::new(&later.path, out);
                    let cause = "an earlier part of this run could not be delivered";
                    news.say(State::Failed, cause).await;
                }
                return;
            }
        }
    }

    /// Whether an earlier part of it was delivered by an earlier call.
    async fn goes_on(&self, survey: &Survey) -> bool {
        let (files, survey) = (Arc::clone(&self.files), survey.clone());
        tokio::task::spawn_blocking(move || survey.has_delivered_part_before(files.as_ref()))
            .await
            .unwrap_or(false)
    }

    /// True when it is there now.
    async fn sync_one(
        &self,
        survey: &Survey,
        request: &v1::SyncRequest,
        overrides: Overrides,
        news: &News<'_>,
    ) -> bool {
        let journal = &survey.path;
        if !request.again && synced_mark(journal).exists() {
            let message = "delivered already; --include-synced delivers it again";
            news.say(State::Skipped, message).await;
            return true;
        }
        let elsewhere = [&overrides.entity, &overrides.project, &overrides.run_id];
        let elsewhere = elsewhere.iter().any(|wish| wish.is_some());
        let known = self.hub.find(journal);
        if known.is_none()
            && let Some(pid) = writer::writer(journal).filter(|_| !request.follow)
        {
            news.say(State::Failed, &still_written(pid)).await;
            return false;
        }
        // What is on its way keeps its cursor.
        let busy = known
            .as_ref()
            .is_some_and(|run| self.leads.get(&run.opened().session).is_some());
        if !busy && let Err(error) = start_over(self, journal, request.again, elsewhere) {
            let message = format!("cannot start over: {error}");
            news.say(State::Failed, &message).await;
            return false;
        }
        if let Some(run) = known {
            return Box::pin(self.sync_known(&run, request, overrides, news)).await;
        }
        Box::pin(self.sync_file(survey, request, overrides, news)).await
    }

    /// A file that no run of this daemon writes.
    async fn sync_file(
        &self,
        survey: &Survey,
        request: &v1::SyncRequest,
        overrides: Overrides,
        news: &News<'_>,
    ) -> bool {
        let lane = self.lane(journal_name(&survey.path));
        let _alone = lane.lock().await;
        let follow = request
            .follow
            .then(|| Follow::new(&self.files, &survey.path));
        let setup = match self.file_setup(survey, request, overrides, follow.as_ref()) {
            Ok(setup) => setup,
            Err(reason) => {
                news.say(State::Failed, &reason).await;
                return false;
            }
        };
        news.say(State::Started, "delivering").await;
        let (uploader, handle) = Uploader::new(setup);
        let mut progress = handle.progress();
        let mut uploading = Box::pin(uploader.run(self.stop_token()));
        let watching = Follow::watch(follow.as_ref());
        tokio::pin!(watching);
        let mut left_out = LeftOut::default();
        let outcome = loop {
            tokio::select! {
                outcome = &mut uploading => break outcome,
                () = &mut watching => {}
                Ok(()) = progress.changed() => {
                    let now = progress.borrow_and_update().clone();
                    left_out.tell(&self.hub.drops, &now);
                    let url = now.opened.as_ref().map(|opened| opened.url.clone());
                    news.tell(State::Uploading, &now.cause, &url.unwrap_or_default(), now.rows_delivered).await;
                    if news.out.is_closed() {
                        return false; // Ctrl-C; the cursor knows how far it came
                    }
                }
            }
        };
        let last = progress.borrow().clone();
        left_out.tell(&self.hub.drops, &last);
        let url = last.opened.as_ref().map(|opened| opened.url.clone());
        let url = url.unwrap_or_default();
        let failure = match outcome {
            Ok(Outcome::Delivered) => {
                let message = done_message(survey, fs::write(synced_mark(&survey.path), ""));
                news.tell(State::Done, &message, &url, last.rows_delivered)
                    .await;
                return true;
            }
            Ok(Outcome::Stopped) => "the daemon stops; ask again when it runs".to_owned(),
            Ok(Outcome::Forbidden) => last.error.unwrap_or(last.cause),
            Err(error) => chain(&error),
        };
        news.tell(State::Failed, &failure, &url, last.rows_delivered)
            .await;
        false
    }

    fn file_setup(
        &self,
        survey: &Survey,
        request: &v1::SyncRequest,
        overrides: Overrides,
        follow: Option<&Follow>,
    ) -> Result<Setup, String> {
        let asked = request.server.clone().unwrap_or_default();
        let settings = self.servers.of_request(&asked, survey.opened.as_ref())?;
        let destination = self.destination(&settings).map_err(|error| chain(&error))?;
        let feed: Arc<dyn Feed> = match follow {
            Some(follow) => Arc::new(follow.feed()),
            None => Arc::new(FileFeed::new(Arc::clone(&self.files), &survey.path)),
        };
        let mut setup = Setup::new(
            feed,
            &survey.path,
            Arc::clone(&self.files),
            Arc::new(destination),
        );
        setup.budget = self.budget(&settings);
        setup.timing = self.timing();
        setup.overrides = overrides;
        Ok(setup)
    }
}

/// What is said of a folder in which there is nothing to do.
pub(crate) fn nothing(path: &str, found: &Found) -> String {
    if found.online > 0 {
        format!(
            "{path} holds only runs that were recorded online ({}); --include-online delivers them",
            found.online
        )
    } else {
        format!("{path} holds no .wandb file; name a run's folder or file")
    }
}

fn still_written(pid: u32) -> String {
    format!("process {pid} still writes to it; --follow goes along with it")
}

fn done_message(survey: &Survey, marked: std::io::Result<()>) -> String {
    let mut parts = Vec::new();
    if let Err(error) = marked {
        parts.push(format!("it could not be marked as synced: {error}"));
    }
    parts.extend(Some(survey.repairs()).filter(|repairs| !repairs.is_empty()));
    parts.join("; ")
}

/// Which run it is on the server, as far as files can tell.
fn name(survey: &Survey, request: &v1::SyncRequest) -> String {
    let pick = |wish: &str, own: &str| if wish.is_empty() { own } else { wish }.to_owned();
    [
        pick(&request.entity, &survey.run.entity),
        pick(&request.project, &survey.run.project),
        pick(&request.run_id, &survey.run.run_id),
    ]
    .join("\n")
}

/// Forgets how far an earlier delivery came, where that does not count any more.
fn start_over(
    deliveries: &Deliveries,
    journal: &Path,
    again: bool,
    elsewhere: bool,
) -> std::io::Result<()> {
    if again {
        forget_cursor(journal)?;
    }
    if elsewhere {
        // Another destination has none of what the first one accepted.
        wandbd_upload::forget(deliveries.files.as_ref(), journal)?;
    }
    Ok(())
}

/// Says how one file goes.
struct News<'a> {
    path: String,
    out: &'a mpsc::Sender<v1::SyncProgress>,
}

impl<'a> News<'a> {
    fn new(path: &Path, out: &'a mpsc::Sender<v1::SyncProgress>) -> Self {
        Self {
            path: path.display().to_string(),
            out,
        }
    }

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
