//! One uploader a run: where it goes, with which key, one at a time for each run of a server, and what became of it.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wandbd_ingest::{Hub, RunLog};
use wandbd_journal::{Files, OsFiles};
use wandbd_proto::v1::{self, run::State};
use wandbd_upload::{
    Budget, Handle, LiveFeed, Outcome, Overrides, Progress, Setup, Timing, Uploader,
};
use wandbd_wandb::{Limits, ServerSettings, Transports, WandbDestination};

use crate::{credentials::Credentials, local::Hosted, servers::Servers, tasks};

/// How often a run without a key looks for one.
const NO_KEY: Duration = Duration::from_secs(30);
/// How long to wait after an uploader could not go on.
const AGAIN: Duration = Duration::from_secs(5);

/// All uploads of this daemon.
pub(crate) struct Deliveries {
    pub(crate) hub: Arc<Hub>,
    pub(crate) servers: Servers,
    pub(crate) files: Arc<dyn Files>,
    staging: PathBuf,
    timing: Timing,
    transports: Transports,
    /// One for each server.
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    /// Two journals of one run id must not post at the same time.
    lanes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// By owner's session.
    handles: Mutex<HashMap<String, Handle>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Deliveries {
    pub(crate) fn new(
        hub: &Arc<Hub>,
        credentials: &Arc<Credentials>,
        hosted: Option<&Hosted>,
        config: &crate::config::Config,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let mut timing = Timing::default();
        let mut transports = Transports::new();
        if let Some(limit) = config.http_timeout {
            timing.post_timeout = limit;
            timing.call_timeout = limit;
            transports = Transports::with_limits(Limits {
                graphql: limit,
                file_stream: limit,
                stall: limit,
                ..Limits::default()
            });
        }
        Arc::new(Self {
            hub: Arc::clone(hub),
            servers: Servers::new(credentials, hosted),
            files: Arc::new(OsFiles),
            staging: config.state_dir.join("staging"),
            timing,
            transports,
            budgets: Mutex::default(),
            lanes: Mutex::default(),
            handles: Mutex::default(),
            stop,
            tasks: TaskTracker::new(),
        })
    }

    /// Ends with the daemon's stop.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Waits for the requests under way; what is left goes on at the next start.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        if tokio::time::timeout(tasks::LIMIT, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                uploads = self.tasks.len(),
                "uploads given up; they go on at the next start"
            );
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            // The uploader itself watches the stop and ends after its request; the others just end here.
            tokio::select! {
                () = task => {}
                () = async { stop.cancelled().await; sleep(tasks::LIMIT).await } => {}
            }
        });
    }

    /// Delivers a run that was opened or adopted; an offline one waits for a person.
    pub(crate) fn take(self: &Arc<Self>, run: Arc<RunLog>) {
        if run.open().offline {
            return;
        }
        let this = Arc::clone(self);
        self.spawn(async move {
            let Some(settings) = this.wait_for_key(&run).await else {
                return;
            };
            Box::pin(this.deliver(&run, &settings, &Overrides::default())).await;
        });
    }

    /// The server of a run, once there is a key for it; `None` at stop.
    async fn wait_for_key(&self, run: &RunLog) -> Option<ServerSettings> {
        loop {
            match self.servers.of_run(run) {
                Ok(settings) => return Some(settings),
                Err(cause) => run.set_delivery(|delivery| {
                    delivery.state = State::Parked;
                    delivery.cause = cause;
                }),
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = sleep(NO_KEY) => {}
            }
        }
    }

    /// Uploads until everything is there; `false` at stop. Failures are tried again for ever.
    pub(crate) async fn deliver(
        &self,
        run: &Arc<RunLog>,
        settings: &ServerSettings,
        overrides: &Overrides,
    ) -> bool {
        let open = run.open();
        // One uploader a journal, and one a run of a server.
        let journal = self.lane(journal_name(run.path()));
        let _journal_alone = journal.lock().await;
        let lane = self.lane(run_name(settings, &open, overrides));
        let _run_alone = lane.lock().await;
        loop {
            let outcome = match self.setup(run, settings, overrides) {
                Ok(setup) => self.upload(run, setup).await,
                Err(error) => Err(error.to_string()),
            };
            match outcome {
                Ok(Outcome::Delivered) => {
                    self.delivered(run);
                    return true;
                }
                Ok(Outcome::Stopped) => return false,
                Err(cause) => {
                    tracing::error!(
                        run = run.run_id(),
                        cause,
                        "upload interrupted; it is tried again"
                    );
                    run.set_delivery(|delivery| {
                        delivery.state = State::Waiting;
                        delivery.cause = cause;
                    });
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = sleep(AGAIN) => {}
            }
        }
    }

    fn setup(
        &self,
        run: &Arc<RunLog>,
        settings: &ServerSettings,
        overrides: &Overrides,
    ) -> Result<Setup, wandbd_wandb::WandbError> {
        let destination = self.destination(settings)?;
        let journal = Arc::clone(run);
        let feed = Arc::new(LiveFeed::new(move || journal.journal()));
        let mut setup = Setup::new(
            feed,
            run.path(),
            Arc::clone(&self.files),
            Arc::new(destination),
        );
        setup.budget = self.budget(settings);
        setup.timing = self.timing.clone();
        setup.overrides = overrides.clone();
        let (run, staging) = (Arc::clone(run), self.staging.clone());
        setup.on_artifact_done = Arc::new(move |client_id| {
            for path in run.staged(client_id) {
                unstage(&staging, &path);
            }
        });
        Ok(setup)
    }

    pub(crate) fn destination(
        &self,
        settings: &ServerSettings,
    ) -> Result<WandbDestination, wandbd_wandb::WandbError> {
        WandbDestination::new(&self.transports, settings.clone())
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing.clone()
    }

    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    async fn upload(&self, run: &Arc<RunLog>, setup: Setup) -> Result<Outcome, String> {
        let (uploader, handle) = Uploader::new(setup);
        let mut progress = handle.progress();
        let session = run.opened().session.clone();
        self.handles().insert(session.clone(), handle);
        // Also when this future is dropped: a person who gave up waiting must be able to ask again.
        let _registered = Registered {
            deliveries: self,
            session,
        };
        let mut uploading = Box::pin(uploader.run(self.stop.clone()));
        let result = loop {
            tokio::select! {
                result = &mut uploading => break result,
                changed = progress.changed() => {
                    if changed.is_err() {
                        break uploading.await;
                    }
                    let now = progress.borrow_and_update().clone();
                    report(run, &now);
                }
            }
        };
        let last = progress.borrow().clone();
        report(run, &last);
        result.map_err(|error| chain(&error))
    }

    /// Tries at once what waits.
    pub(crate) fn retry(&self, run: &RunLog) -> bool {
        let handles = self.handles();
        let handle = handles.get(&run.opened().session);
        handle.inspect(|handle| handle.retry()).is_some()
    }

    fn delivered(&self, run: &RunLog) {
        if let Err(error) = self.hub.mark_delivered(run) {
            tracing::warn!(run = run.run_id(), %error, "delivered run not marked; the next daemon marks it");
        }
        run.set_delivery(|delivery| {
            delivery.state = State::Delivered;
            delivery.cause = String::new();
            delivery.position = u64::MAX;
        });
        tracing::info!(run = run.run_id(), "delivered");
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, HashMap<String, Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn budget(&self, settings: &ServerSettings) -> Arc<Budget> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(budgets.entry(settings.base_url.clone()).or_default())
    }

    pub(crate) fn lane(&self, name: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        Arc::clone(lanes.entry(name).or_default())
    }
}

/// The same for every way to name a file.
pub(crate) fn journal_name(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    format!("journal\n{}", path.display())
}

/// The run as the server will call it.
fn run_name(settings: &ServerSettings, open: &v1::OpenRun, overrides: &Overrides) -> String {
    let pick = |wish: &Option<String>, own: &str| wish.clone().unwrap_or_else(|| own.to_owned());
    [
        settings.base_url.clone(),
        pick(&overrides.entity, &open.entity),
        pick(&overrides.project, &open.project),
        pick(&overrides.run_id, &open.run_id),
    ]
    .join("\n")
}

/// An uploader's handle that can be found while this lives.
struct Registered<'a> {
    deliveries: &'a Deliveries,
    session: String,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.deliveries.handles().remove(&self.session);
    }
}

/// An uploader's progress as the run's delivery.
fn report(run: &RunLog, progress: &Progress) {
    run.set_delivery(|delivery| {
        delivery.state = match progress.state {
            wandbd_upload::State::Live => State::Live,
            wandbd_upload::State::Finishing | wandbd_upload::State::Delivered => State::Finishing,
            wandbd_upload::State::Waiting => State::Waiting,
            wandbd_upload::State::Parked => State::Parked,
        };
        delivery.cause.clone_from(&progress.cause);
        delivery.position = progress.position;
        delivery.rows_delivered = progress.rows_delivered;
        delivery.lines_quarantined = progress.lines_quarantined;
        delivery.stop = progress.stopped;
        if let Some(opened) = &progress.opened {
            delivery.entity.clone_from(&opened.entity);
            delivery.project.clone_from(&opened.project);
            delivery.display_name.clone_from(&opened.display_name);
            delivery.url.clone_from(&opened.url);
            delivery.resumed = opened.resumed;
        }
    });
}

/// Removes a private snapshot; nothing outside the staging directory is ever removed.
fn unstage(staging: &Path, path: &Path) {
    if !path.starts_with(staging) || path.components().any(|part| part.as_os_str() == "..") {
        return;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "snapshot not removed");
        }
        _ => {}
    }
    if let Some(folder) = path.parent().filter(|folder| *folder != staging) {
        // Stays while other snapshots of the same artifact lie in it.
        std::fs::remove_dir(folder).ok();
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_and_nothing_outside_the_staging_directory_does() {
        let dir = tempfile::tempdir().unwrap();
        let staging = dir.path().join("staging");
        let snapshot = staging.join("1/model.keras");
        let users = dir.path().join("model.keras");
        std::fs::create_dir_all(snapshot.parent().unwrap()).unwrap();
        for path in [&snapshot, &users] {
            std::fs::write(path, "weights").unwrap();
        }

        unstage(&staging, &snapshot);
        unstage(&staging, &users);
        unstage(&staging, &staging.join("1/../../model.keras"));

        assert!(!snapshot.parent().unwrap().exists());
        assert!(users.exists());
    }
}
