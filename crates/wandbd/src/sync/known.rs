//! A run of this daemon that a person asks for: poked if it is on its way already, delivered now if it was kept offline.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use wandbd_ingest::RunLog;
use wandbd_proto::v1::{self, run, sync_progress::State};
use wandbd_upload::Overrides;

use super::News;
use crate::{
    deliver::{Deliveries, Route},
    lead::Lead,
    marks,
};

/// How long a run that needed a person may take until it shows whether that was enough.
const ANSWER: Duration = Duration::from_secs(10);

impl Deliveries {
    /// True when it is there now.
    pub(super) async fn sync_known(
        &self,
        run: &Arc<RunLog>,
        request: &v1::SyncRequest,
        overrides: Overrides,
        news: &News<'_>,
    ) -> bool {
        let asked = request.server.clone().unwrap_or_default();
        let (lead, new) = self.leads.enter(run);
        if new {
            let settings = match self.servers.of_request(&asked, Some(run.opened())) {
                Ok(settings) => settings,
                Err(cause) => {
                    self.leads.leave(&run.opened().session);
                    news.say(State::Failed, &cause).await;
                    return false;
                }
            };
            let _offline = BackToOffline {
                deliveries: self,
                run,
            };
            news.say(State::Started, "delivering").await;
            let route = Route::Said(Box::new(settings), overrides);
            let driving = pin!(self.drive(&lead, &route));
            return tokio::select! {
                () = driving => self.told(run, news).await,
                done = self.watch_known(run, news) => done,
            };
        }
        let elsewhere = [&overrides.entity, &overrides.project, &overrides.run_id];
        if elsewhere.iter().any(|wish| wish.is_some()) {
            let message =
                "it is on its way to where it was opened for; elsewhere it can go when it is there";
            news.say(State::Failed, message).await;
            return false;
        }
        news.say(State::Started, "known to the daemon").await;
        self.help(&lead, &asked);
        self.watch_known(run, news).await
    }

    /// Wakes a run; one that waits for a key gets the one that a person's shell has.
    pub(crate) fn help(&self, lead: &Lead, asked: &v1::Server) {
        marks::forget(lead.run.path());
        let own = self.servers.of_run(&lead.run);
        if (own.is_err() || lead.is_refused()) && !lead.run.opened().use_local {
            let theirs = self.servers.of_request(asked, Some(lead.run.opened()));
            if let Ok(settings) = theirs {
                self.give(lead, &settings);
                lead.redirect(settings);
                return lead.renew();
            }
        }
        lead.kick();
    }

    /// True when it is delivered, false when it needs a person.
    async fn watch_known(&self, run: &RunLog, news: &News<'_>) -> bool {
        let mut delivery = run.delivery();
        delivery.mark_unchanged();
        let asked = Instant::now();
        loop {
            let changed = tokio::select! {
                () = self.stopped() => {
                    news.say(State::Failed, "the daemon stops; ask again when it runs").await;
                    return false;
                }
                () = news.out.closed() => return false,
                changed = delivery.changed() => changed.is_ok(),
                () = sleep(ANSWER) => false,
            };
            let now = run.describe();
            let over = match now.state() {
                run::State::Delivered => true,
                run::State::Parked => changed || asked.elapsed() >= ANSWER,
                _ => false,
            };
            if over {
                return self.told(run, news).await;
            }
            if changed {
                let state = State::Uploading;
                news.tell(state, &now.cause, &now.url, now.rows_delivered)
                    .await;
            }
        }
    }

    /// Says how it ended.
    async fn told(&self, run: &RunLog, news: &News<'_>) -> bool {
        let now = run.describe();
        let delivered = now.state() == run::State::Delivered;
        let state = if delivered {
            State::Done
        } else {
            State::Failed
        };
        news.tell(state, &now.cause, &now.url, now.rows_delivered)
            .await;
        delivered
    }
}

/// A run that a person stopped asking for is kept offline again.
struct BackToOffline<'a> {
    deliveries: &'a Deliveries,
    run: &'a Arc<RunLog>,
}

impl Drop for BackToOffline<'_> {
    fn drop(&mut self) {
        self.deliveries.leads.leave(&self.run.opened().session);
        self.run.set_delivery(|delivery| {
            if delivery.state != run::State::Delivered {
                delivery.state = run::State::Offline;
            }
        });
    }
}
