//! Whose turn it is among journals of one run: they are delivered one at a time, in the order of their opening.
//!
//! A part that waits for a person (no key, no permission, deleted on the server) holds up no other: the parts behind it go on. Writers of
//! W&B's shared mode write at the same time and never wait for each other.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedMutexGuard, time::sleep};
use wandbd_ingest::RunLog;
use wandbd_proto::v1::run::State;
use wandbd_upload::Overrides;
use wandbd_wandb::ServerSettings;

use crate::{
    deliver::Deliveries,
    lead::{Lead, order},
};

/// How often it is looked whether the wait is over.
const LOOK: Duration = Duration::from_secs(1);
const WAITS: &str = "an earlier part of this run is delivered first";

/// The run as its server will call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    base_url: String,
    entity: String,
    project: String,
    run_id: String,
}

impl Name {
    pub(crate) fn new(settings: &ServerSettings, run: &RunLog, overrides: &Overrides) -> Self {
        let open = run.open();
        let known = run.delivery().borrow().opened.clone();
        let known = known
            .map(|opened| opened.entity.clone())
            .unwrap_or_default();
        let entity = if open.entity.is_empty() {
            known
        } else {
            open.entity
        };
        let pick = |wish: &Option<String>, own: String| wish.clone().unwrap_or(own);
        Self {
            base_url: settings.base_url.clone(),
            entity: pick(&overrides.entity, entity),
            project: pick(&overrides.project, open.project),
            run_id: pick(&overrides.run_id, open.run_id),
        }
    }

    /// Whether both may mean one run: an entity that is not known yet may be any.
    fn may_be(&self, other: &Self) -> bool {
        let entities = [&self.entity, &other.entity];
        self.base_url == other.base_url
            && self.project == other.project
            && self.run_id == other.run_id
            && (entities[0] == entities[1] || entities.iter().any(|entity| entity.is_empty()))
    }

    /// Held while posts for this run are on their way. The entity is left out: it may be known of one part and not of another.
    fn lane(&self) -> String {
        [&*self.base_url, &self.project, &self.run_id].join("\n")
    }
}

/// Nobody else posts for this run while it lives.
pub(crate) struct Turn {
    _run: Option<OwnedMutexGuard<()>>,
}

impl Deliveries {
    /// Waits until it is this run's turn; `None` at stop.
    pub(crate) async fn turn(&self, lead: &Lead, name: &Name) -> Option<Turn> {
        if lead.run.open().shared.is_some() {
            return Some(Turn { _run: None });
        }
        while let Some(earlier) = self.earlier(&lead.run, name) {
            lead.run.set_delivery(|delivery| {
                delivery.state = State::Waiting;
                WAITS.clone_into(&mut delivery.cause);
            });
            let mut news = earlier.delivery();
            news.mark_unchanged();
            if self.earlier(&lead.run, name).is_none() {
                break;
            }
            tokio::select! {
                () = self.stopped() => return None,
                changed = news.changed() => if changed.is_err() { break },
                () = sleep(LOOK) => {} // a part that became idle says so nowhere
            }
        }
        let lane = self.lane(name.lane());
        let run = tokio::select! {
            () = self.stopped() => return None,
            run = lane.lock_owned() => run,
        };
        Some(Turn { _run: Some(run) })
    }

    /// The first run that was opened before this one, is the same on the server, and is not delivered yet.
    fn earlier(&self, run: &RunLog, name: &Name) -> Option<Arc<RunLog>> {
        let waits = |other: &Arc<RunLog>| {
            if other.run_id() != run.run_id()
                || other.open().offline
                || other.open().shared.is_some()
                || other.delivery().borrow().state == State::Delivered
                || order(other, run).is_ge()
            {
                return false;
            }
            if self
                .leads
                .get(&other.opened().session)
                .is_some_and(|lead| lead.is_idle())
            {
                return false;
            }
            self.servers.of_run(other).is_ok_and(|settings| {
                name.may_be(&Name::new(&settings, other, &Overrides::default()))
            })
        };
        self.hub.all().into_iter().find(waits)
    }
}
