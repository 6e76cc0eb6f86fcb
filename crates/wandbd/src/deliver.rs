//! One uploader a run: where it goes, with which key, one at a time for each run of a server, and what became of it.
//!
//! A run on its way is a [`Lead`]. It waits for a key, then for its [turn](crate::turn), then its uploader works until the server has
//! everything. What ends an uploader before that is one of few things: the daemon's stop, a state of the run that `init` forbids (nothing
//! is sent, a person may say `retry`), a login that changes the key, or a fault of this machine (tried again).

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wandbd_ingest::{Hub, RunLog};
use wandbd_journal::{Files, OsFiles};
use wandbd_proto::v1::run::State;
use wandbd_upload::{Budget, LiveFeed, Outcome, Overrides, Progress, Setup, Timing, Uploader};
use wandbd_wandb::{Limits, ServerSettings, Transports, WandbDestination};

use crate::{
    credentials::Credentials,
    lead::{Lead, Leads},
    local::Hosted,
    marks,
    serve::now,
    servers::Servers,
    tasks,
    turn::Name,
};

/// How often a run without a key looks for one.
const NO_KEY: Duration = Duration::from_secs(30);
/// How long to wait after an uploader could not go on.
const AGAIN: Duration = Duration::from_secs(5);
/// How often a run that is over and needs a person is tried by itself.
const PARKED: Duration = Duration::from_hours(1);
/// How long a person's wish holds the turn of a run that needs a person.
const WANTED: Duration = Duration::from_secs(30);
/// A run that waited longer than this for its first key is sent only when a person says so, in seconds.
pub(crate) const FRESH_S: f64 = 86_400.0;

/// All uploads of this daemon.
pub(crate) struct Deliveries {
    pub(crate) hub: Arc<Hub>,
    pub(crate) servers: Servers,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) leads: Leads,
    pub(crate) transports: Transports,
    staging: PathBuf,
    timing: Timing,
    /// One for each server.
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    /// Two journals of one run id must not post at the same time, nor two uploaders of one journal.
    lanes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Where a run goes.
pub(crate) enum Route {
    /// As it was opened.
    Own,
    /// As a person said.
    Said(Box<ServerSettings>, Overrides),
}

/// How one attempt ended.
enum Attempt {
    Delivered,
    Stopped,
    /// `init` forbids what the server has.
    Forbidden(String),
    /// It is over and needs a person; others of the same run may go first.
    Parked,
    /// The key has changed.
    Changed,
    Failed(String),
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
            credentials: Arc::clone(credentials),
            files: Arc::new(OsFiles),
            leads: Leads::default(),
            staging: config.state_dir.join("staging"),
            timing,
            transports,
            budgets: Mutex::default(),
            lanes: Mutex::default(),
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
    pub(crate) fn take(self: &Arc<Self>, run: &Arc<RunLog>) {
        if run.open().offline {
            return;
        }
        let (lead, new) = self.leads.enter(run);
        if !new {
            return;
        }
        if let Some(cause) = marks::forbidden(run.path()) {
            park(&lead, &cause, Some(&cause));
        }
        let this = Arc::clone(self);
        self.spawn(async move {
            Box::pin(this.drive(&lead, &Route::Own)).await;
        });
    }

    /// Delivers until everything is there, or the stop. Failures are tried again for ever.
    pub(crate) async fn drive(&self, lead: &Arc<Lead>, route: &Route) {
        let mut kicks = lead.kicks();
        loop {
            if lead.is_idle() {
                // Parked before it began; only a person changes that.
                if self.pause(&mut kicks, None).await.is_none() {
                    return;
                }
                marks::forget(lead.run.path());
            }
            let wait = match self.settings(lead, route) {
                Err(cause) => {
                    park(lead, &cause, None);
                    Some(NO_KEY)
                }
                Ok((settings, overrides)) => {
                    lead.set_idle(false);
                    match self.attempt(lead, &settings, &overrides).await {
                        Attempt::Delivered => return self.delivered(&lead.run),
                        Attempt::Stopped => return,
                        Attempt::Changed => continue,
                        Attempt::Parked => Some(PARKED),
                        Attempt::Forbidden(cause) => {
                            marks::forbid(lead.run.path(), &cause);
                            park(lead, &cause, Some(&cause));
                            continue;
                        }
                        Attempt::Failed(cause) => {
                            interrupted(&lead.run, cause);
                            Some(AGAIN)
                        }
                    }
                }
            };
            if self.pause(&mut kicks, wait).await.is_none() {
                return;
            }
            lead.set_idle(false);
        }
    }

    /// Waits for a kick, at most so long; `None` at stop.
    async fn pause(&self, kicks: &mut watch::Receiver<u64>, limit: Option<Duration>) -> Option<()> {
        let limited = async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = limited => Some(()),
            changed = kicks.changed() => changed.ok(),
        }
    }

    /// The server and the key, or why there is none to be used.
    fn settings(&self, lead: &Lead, route: &Route) -> Result<(ServerSettings, Overrides), String> {
        let run = &lead.run;
        match route {
            Route::Said(settings, overrides) => Ok(((**settings).clone(), overrides.clone())),
            Route::Own => match self.servers.of_run(run) {
                Ok(_) if marks::had_no_key(run.path()) && !lead.allowed() && !is_fresh(run) => {
                    Err(format!(
                        "it waited for a key for more than a day, so it is not sent by itself; `wandbd retry {}` sends it",
                        run.run_id()
                    ))
                }
                Ok(settings) => Ok((settings, Overrides::default())),
                Err(cause) => {
                    marks::no_key(run.path());
                    Err(cause)
                }
            },
        }
    }

    /// One uploader, in its turn.
    async fn attempt(
        &self,
        lead: &Arc<Lead>,
        settings: &ServerSettings,
        overrides: &Overrides,
    ) -> Attempt {
        // One uploader a journal, and one a run of a server.
        let journal = self.lane(journal_name(lead.run.path()));
        let _journal_alone = journal.lock().await;
        let name = Name::new(settings, &lead.run, overrides);
        let Some(_turn) = self.turn(lead, &name).await else {
            return Attempt::Stopped;
        };
        match self.setup(&lead.run, settings, overrides) {
            Ok(setup) => self.upload(lead, setup).await,
            Err(error) => Attempt::Failed(error.to_string()),
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

    /// Runs an uploader and reports; it may be dropped at any point.
    async fn upload(&self, lead: &Arc<Lead>, setup: Setup) -> Attempt {
        let run = &lead.run;
        let (uploader, handle) = Uploader::new(setup);
        let mut progress = handle.progress();
        let mut kicks = lead.kicks();
        let _at_work = lead.at_work(handle);
        let mut uploading = Box::pin(uploader.run(self.stop.clone()));
        // Ends when a parked run that nobody waits for gives up its turn.
        let mut patience = Box::pin(sleep(Duration::ZERO));
        let mut parked = false;
        let result = loop {
            tokio::select! {
                result = &mut uploading => break result,
                Ok(()) = kicks.changed() => if lead.take_changed() {
                    return Attempt::Changed;
                },
                Ok(()) = progress.changed() => {
                    let now = progress.borrow_and_update().clone();
                    report(lead, &now);
                    let before = std::mem::replace(&mut parked, parked_for_good(&now, run));
                    if parked && !before {
                        let limit = if lead.take_wanted() { WANTED } else { Duration::ZERO };
                        if !limit.is_zero() {
                            // A new uploader does not know yet that a person has decided.
                            lead.poke();
                        }
                        patience.as_mut().reset(Instant::now() + limit);
                    }
                }
                () = &mut patience, if parked => {
                    lead.set_idle(true);
                    return Attempt::Parked;
                }
            }
        };
        let last = progress.borrow().clone();
        report(lead, &last);
        match result {
            Ok(Outcome::Delivered) => Attempt::Delivered,
            Ok(Outcome::Stopped) => Attempt::Stopped,
            Ok(Outcome::Forbidden) => Attempt::Forbidden(last.error.unwrap_or(last.cause)),
            Err(error) => Attempt::Failed(chain(&error)),
        }
    }

    fn delivered(&self, run: &RunLog) {
        self.leads.leave(&run.opened().session);
        marks::forget(run.path());
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
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    format!("journal\n{}", path.display())
}

/// It lives, or began not long ago.
pub(crate) fn is_fresh(run: &RunLog) -> bool {
    !run.has_ended() || now() - run.open().start_time <= FRESH_S
}

/// It is over and needs a person: a new run of the same id must not wait for it.
fn parked_for_good(progress: &Progress, run: &RunLog) -> bool {
    progress.state == wandbd_upload::State::Parked && progress.error.is_none() && run.has_ended()
}

/// Nothing happens before a person does something.
fn park(lead: &Lead, cause: &str, error: Option<&str>) {
    lead.set_idle(true);
    lead.run.set_delivery(|delivery| {
        delivery.state = State::Parked;
        cause.clone_into(&mut delivery.cause);
        delivery.error = error.map(str::to_owned);
    });
}

fn interrupted(run: &RunLog, cause: String) {
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

/// An uploader's progress as the run's delivery.
fn report(lead: &Lead, progress: &Progress) {
    lead.set_refused(progress.unauthorized);
    if progress.opened.is_some() {
        marks::had_key(lead.run.path());
    }
    lead.run.set_delivery(|delivery| {
        delivery.state = match progress.state {
            wandbd_upload::State::Live => State::Live,
            wandbd_upload::State::Finishing | wandbd_upload::State::Delivered => State::Finishing,
            wandbd_upload::State::Waiting => State::Waiting,
            wandbd_upload::State::Parked => State::Parked,
        };
        delivery.cause.clone_from(&progress.cause);
        delivery.error.clone_from(&progress.error);
        delivery.position = progress.position;
        delivery.rows_delivered = progress.rows_delivered;
        delivery.lines_quarantined = progress.lines_quarantined;
        delivery.stop = progress.stopped;
        delivery.opened.clone_from(&progress.opened);
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
