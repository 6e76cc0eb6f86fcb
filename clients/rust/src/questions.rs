//! What a session may ask, always with a limit. Every call has a `poll`: it is called about every 50 ms and ends the wait by
//! returning true.

use std::time::{Duration, Instant};

use wandbd_proto::v1;

use crate::{
    Session, Stats, calls,
    core::{Phase, Shared, Waited},
};

impl Session {
    /// Waits until everything said so far is on the daemon's disk. Returns whether it is.
    pub fn flush(&self, limit: Duration, poll: &mut dyn FnMut() -> bool) -> bool {
        let core = self.core();
        let target = core.urge(|shared| shared.window.last());
        let waited = core.wait(limit, &mut |_| poll(), &mut |shared| {
            shared.window.acked() >= target || shared.phase == Phase::Closed
        });
        waited == Waited::Done && core.lock().window.acked() >= target
    }

    /// The run as the daemon last told it; waits until its entity is known or the time is over.
    pub fn info(&self, limit: Duration, poll: &mut dyn FnMut() -> bool) -> Option<v1::Run> {
        let core = self.core();
        core.wait(limit, &mut |_| poll(), &mut |shared| {
            shared.phase == Phase::Closed
                || shared
                    .run
                    .as_ref()
                    .is_some_and(|run| !run.entity.is_empty() || is_answered(run))
        });
        core.lock().run.clone()
    }

    /// Waits until the server has answered what `init` asked: names, resumption and starting step are final, or
    /// [`v1::Run::error`] says why the run cannot be had. None: no answer in time.
    pub fn opened(&self, limit: Duration, poll: &mut dyn FnMut() -> bool) -> Option<v1::Run> {
        let core = self.core();
        core.start();
        core.urge(|_| ());
        let waited = core.wait(limit, &mut |_| poll(), &mut |shared| {
            shared.phase == Phase::Closed || shared.run.as_ref().is_some_and(is_answered)
        });
        if waited != Waited::Done {
            return None;
        }
        answer(&core.lock())
    }

    /// Asks the daemon for the run with its config and summary, after everything said so far. None: no answer in time.
    pub fn fetch(&self, limit: Duration, poll: &mut dyn FnMut() -> bool) -> Option<v1::Run> {
        let begin = Instant::now();
        let core = self.core();
        let target = core.urge(|shared| shared.window.last());
        // An owner's run is known to the daemon once it has said welcome.
        let is_ready = |shared: &Shared| {
            shared.window.acked() >= target && (shared.connections > 0 || !core.is_started())
        };
        core.wait(limit, &mut |_| poll(), &mut |shared| {
            is_ready(shared) || shared.phase == Phase::Closed
        });
        if !is_ready(&core.lock()) {
            return None;
        }
        let rest = limit.saturating_sub(begin.elapsed());
        let session = self.owner_session().to_owned();
        calls::ask(&core.link, rest, poll, move |mut client| {
            let request = v1::GetRunRequest {
                session: session.clone(),
            };
            async move { client.get_run(request).await }
        })
        .ok()
    }

    /// The last values that this process itself logged.
    pub fn values(&self) -> Vec<v1::Field> {
        self.core().lock().recent.values()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        let core = self.core();
        let shared = core.lock();
        Stats {
            records: shared.window.last(),
            acked: shared.window.acked(),
            dropped_rows: shared.window.dropped_rows(),
            dropped_records: shared.window.dropped_others(),
            window_bytes: core.link.budget.used() as u64,
            reconnects: shared.connections.saturating_sub(1),
            refused: shared.refused,
            connected: shared.connected,
        }
    }
}

fn is_answered(run: &v1::Run) -> bool {
    run.opened || !run.error.is_empty()
}

/// The last word; that the session was refused is an error like one of the server.
fn answer(shared: &Shared) -> Option<v1::Run> {
    let Some(reason) = &shared.session_refused else {
        return shared.run.clone();
    };
    let mut run = shared.run.clone().unwrap_or_default();
    if !is_answered(&run) {
        run.error.clone_from(reason);
    }
    Some(run)
}
