//! One uploader a run: where it goes, with which key, one at a time for each run of a server, and what became of it.
//!
//! A run on its way is a [`Lead`]. It waits for a key, then for its [turn](crate::turn), then its uploader works until the server has
//! everything. What ends an uploader before that is one of few things: the daemon's stop, a state of the run that `init` forbids (nothing
//! is sent, a person may say `retry`), a login that changes the key, or a fault of this machine (tried again).

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wandbd_ingest::{Hub, RunLog};
use wandbd_journal::{Files, OsFiles};
use wandbd_proto::v1::run::State;
use wandbd_stage::Stage;
use wandbd_upload::{Budget, Overrides, Timing};
use wandbd_wandb::{Limits, ServerSettings, Transports, WandbDestination};

use crate::{
    attempt::Attempt,
    credentials::Credentials,
    lead::{Lead, Leads},
    local::Hosted,
    marks,
    serve::now,
    servers::Servers,
    snapshots, tasks,
};

/// How often a run without a key looks for one.
const NO_KEY: Duration = Duration::from_secs(30);
/// How long to wait after an uploader could not go on.
const AGAIN: Duration = Duration::from_secs(5);
/// How often a run that is over and needs a person is tried by itself.
const PARKED: Duration = Duration::from_hours(1);
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
    pub(crate) stage: Stage,
    timing: Timing,
    /// One for each server.
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    /// Two journals of one run id must not post at the same time, nor two uploaders of one journal.
    lanes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(crate) stop: CancellationToken,
    tasks: TaskTracker,
}

/// Where a run goes.
pub(crate) enum Route {
    /// As it was opened.
    Own,
    /// As a person said.
    Said(Box<ServerSettings>, Overrides),
}

impl Deliveries {
    pub(crate) fn new(
        hub: &Arc<Hub>,
        credentials: &Arc<Credentials>,
        hosted: Option<&Hosted>,
        (config, stage): (&crate::config::Config, &Stage),
        stop: CancellationToken,
    ) -> Arc<Self> {
        let mut timing = Timing::default();
        let mut limits = Limits::default();
        if let Some(limit) = config.http_timeout {
            timing.post_timeout = limit;
            timing.call_timeout = limit;
            (limits.graphql, limits.file_stream, limits.stall) = (limit, limit, limit);
        }
        if let Some(most) = config.upload_max_bytes {
            limits.multipart_from = limits.multipart_from.min(most + 1);
            limits.part_bytes = limits.part_bytes.min(most);
        }
        Arc::new(Self {
            hub: Arc::clone(hub),
            servers: Servers::new(credentials, hosted),
            credentials: Arc::clone(credentials),
            files: Arc::new(OsFiles),
            leads: Leads::default(),
            stage: stage.clone(),
            timing,
            transports: Transports::with_limits(limits),
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
        if let Some(settings) = lead.said() {
            return Ok((settings, Overrides::default()));
        }
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

    fn delivered(&self, run: &Arc<RunLog>) {
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
        let delivered = Arc::clone(run);
        self.tasks
            .spawn_blocking(move || snapshots::forget_made(&delivered));
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
