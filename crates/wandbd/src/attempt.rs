//! One uploader for one run, in its turn, and what it says on the way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use wandbd_ingest::{Drops, RunLog};
use wandbd_proto::v1::run::State;
use wandbd_upload::{Fate, LiveFeed, Outcome, Overrides, Progress, Setup, Uploader};
use wandbd_wandb::ServerSettings;

use crate::{
    deliver::{Deliveries, chain, journal_name},
    lead::{Fates, Lead},
    marks,
    turn::Name,
};

/// How long a person's wish holds the turn of a run that needs a person.
const WANTED: Duration = Duration::from_secs(30);
/// How often a run that is not opened yet is asked whether it is still wanted.
const STILL_WANTED: Duration = Duration::from_secs(1);
/// Said of a run that is not.
const GIVEN_UP: &str = "init gave up waiting for the server: nothing of this run is sent; `wandbd retry` sends it after all";

/// How one attempt ended.
pub(crate) enum Attempt {
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
    /// One uploader, in its turn.
    pub(crate) async fn attempt(
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
        if lead.take_changed() {
            return Attempt::Changed; // while it waited
        }
        if given_up(lead) {
            return Attempt::Forbidden(GIVEN_UP.to_owned());
        }
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
        setup.timing = self.timing();
        setup.overrides = overrides.clone();
        let (run, stage) = (Arc::clone(run), self.stage.clone());
        setup.on_artifact_done = Arc::new(move |client_id| {
            for path in run.staged(client_id) {
                stage.remove(&path);
            }
        });
        Ok(setup)
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
        let mut opened = false;
        let mut left_out = LeftOut::default();
        let result = loop {
            tokio::select! {
                result = &mut uploading => break result,
                () = sleep(STILL_WANTED), if !opened => {
                    if given_up(lead) {
                        return Attempt::Forbidden(GIVEN_UP.to_owned());
                    }
                }
                Ok(()) = kicks.changed() => if lead.take_changed() {
                    return Attempt::Changed;
                },
                Ok(()) = progress.changed() => {
                    let now = progress.borrow_and_update().clone();
                    report(lead, &now);
                    left_out.tell(&self.hub.drops, &now);
                    opened |= now.opened.is_some();
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
        left_out.tell(&self.hub.drops, &last);
        match result {
            Ok(Outcome::Delivered) => Attempt::Delivered,
            Ok(Outcome::Stopped) => Attempt::Stopped,
            Ok(Outcome::Forbidden) => Attempt::Forbidden(last.error.unwrap_or(last.cause)),
            Err(error) => Attempt::Failed(chain(&error)),
        }
    }
}

/// `init` gave up before the server had opened the run, and nobody has said otherwise.
fn given_up(lead: &Lead) -> bool {
    lead.run.is_abandoned() && !lead.allowed() && !marks::opened(lead.run.path())
}

/// It is over and needs a person: a new run of the same id must not wait for it.
fn parked_for_good(progress: &Progress, run: &RunLog) -> bool {
    progress.state == wandbd_upload::State::Parked && progress.error.is_none() && run.has_ended()
}

/// Failures of artifacts that are told.
const FAILURES: usize = 16;

/// What an uploader has left out, as far as it is counted.
#[derive(Default)]
pub(crate) struct LeftOut(BTreeMap<&'static str, u64>);

impl LeftOut {
    /// Counts what is new.
    pub(crate) fn tell(&mut self, drops: &Drops, progress: &Progress) {
        for (reason, count) in &progress.skipped {
            let told = self.0.insert(reason, *count).unwrap_or_default();
            drops.count(reason, count.saturating_sub(told));
        }
    }
}

/// Why artifacts were given up.
fn failures(fates: &Fates) -> Vec<String> {
    let failed = fates.values().filter_map(|fate| match fate {
        Fate::Failed(reason) => Some(reason.clone()),
        Fate::Delivered { .. } | Fate::Superseded => None,
    });
    failed.take(FAILURES).collect()
}

/// An uploader's progress as the run's delivery.
fn report(lead: &Lead, progress: &Progress) {
    lead.set_refused(progress.unauthorized);
    lead.tell_fates(&progress.artifacts);
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
        delivery.artifacts_waiting = progress.artifacts_waiting;
        delivery.artifacts_superseded = progress.artifacts_superseded;
        delivery.artifacts_failed = failures(&progress.artifacts);
        delivery.stop = progress.stopped;
        delivery.opened.clone_from(&progress.opened);
    });
}
