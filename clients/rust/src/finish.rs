//! The end of a session.

use std::time::{Duration, Instant};

use wandbd_proto::v1::{self, record::Kind};

use crate::{
    Session, clock,
    core::{Core, Phase, Shared, Waited},
    encode,
    error::{SpillError, chain},
    messages, spill,
};

/// How many times the limit a daemon may take that is slow but not stuck.
const STEPS_MAX: u32 = 6;

/// What `finish` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Everything is on the daemon's disk.
    Ack,
    /// The server has everything, or this time is over.
    Delivered(Duration),
}

/// What a waiting call is waiting for, for the caller who is asked about every 50 ms whether to go on.
#[derive(Clone, Debug)]
pub enum Waiting {
    /// For an acknowledgement or an answer of the daemon.
    Daemon,
    /// For the daemon, which is doing this before it can acknowledge the rest.
    Busy(String),
    /// For delivery; the run as it was last heard of.
    Delivery(Option<Box<v1::Run>>),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is on the daemon's disk.
    Acked,
    /// The server has everything.
    Delivered,
    /// What no daemon took lies on disk and is adopted by the next one.
    Spilled,
    /// On the daemon's disk, but not delivered within the limit.
    Timeout,
    /// Some of it is gone.
    Lost,
}

/// What `finish` has to say.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// Rows that were taken in and are lost.
    pub lost_rows: u64,
    /// Rows that were not taken in because the window was full.
    pub dropped_rows: u64,
    /// The run as it was last heard of.
    pub run: Option<v1::Run>,
}

impl Session {
    /// To be said before [`finish`](Session::finish) when the run is not wanted after all: nothing of it is sent, unless the server has
    /// opened it already.
    pub fn give_up(&self) {
        self.core().update(|shared| shared.abandoned = true);
    }

    /// Ends the run (as its owner) or this process's part in it. Waits for the daemon's disk, up to 5 s without any ack and 30 s in all
    /// (without the time in which the daemon says that it is busy), then leaves what is left in a file for the next daemon. `poll` is called about every 50 ms and ends the wait by returning true; leaving early loses nothing.
    /// Only the first call does anything; later ones wait for it and say the same.
    pub fn finish(
        &self,
        exit_code: i32,
        wait: Wait,
        poll: &mut dyn FnMut(Waiting) -> bool,
    ) -> Finished {
        let core = self.core();
        let (is_first, target) = core.urge(|shared| end_records(shared, core.owner, exit_code));
        if is_first {
            let outcome = if core.is_started() {
                self.end(core, target, wait, poll)
            } else {
                Outcome::Acked
            };
            core.urge(|shared| {
                shared.outcome = Some(outcome);
                let is_over = shared.phase == Phase::Closed || !core.is_started();
                shared.phase = if is_over {
                    Phase::Closed
                } else {
                    Phase::Leaving
                };
            });
        } else {
            self.wait_for_the_first(core, poll);
        }
        core.link.scratch.tidy();
        finished(core)
    }

    fn end(
        &self,
        core: &Core,
        target: u64,
        wait: Wait,
        poll: &mut dyn FnMut(Waiting) -> bool,
    ) -> Outcome {
        let waited = self.wait_for_acks(core, target, poll);
        let (acked, refused) = {
            let shared = core.lock();
            (
                shared.window.acked() >= target,
                shared.session_refused.is_some(),
            )
        };
        match (acked, wait) {
            _ if refused => Outcome::Lost,
            (false, _) => self.leave_behind(core),
            (true, Wait::Delivered(limit)) if waited == Waited::Done => {
                wait_for_delivery(core, limit, poll)
            }
            (true, _) => Outcome::Acked,
        }
    }

    /// Waits as long as acks come: the limit is for each step forward, and a few times as much for all of them. A daemon that says that it
    /// is busy has all the time in the world.
    fn wait_for_acks(
        &self,
        core: &Core,
        target: u64,
        poll: &mut dyn FnMut(Waiting) -> bool,
    ) -> Waited {
        let limit = self.settings.ack_limit;
        let mut begin = Instant::now();
        loop {
            let (acked, busy_count) = progress(core);
            let waited = core.wait(limit, &mut |core| poll(waiting(core)), &mut |shared| {
                shared.window.acked() >= target || shared.phase == Phase::Closed
            });
            let now = progress(core);
            let is_busy = now.1 > busy_count;
            let is_stuck = now.0 == acked || begin.elapsed() >= limit * STEPS_MAX;
            if waited != Waited::TimedOut || (is_stuck && !is_busy) {
                return waited;
            }
            if is_busy {
                begin = Instant::now();
            }
        }
    }

    /// Waits for the call that ends the session.
    fn wait_for_the_first(&self, core: &Core, poll: &mut dyn FnMut(Waiting) -> bool) {
        let limit = self.settings.ack_limit * STEPS_MAX;
        loop {
            let before = progress(core);
            let waited = core.wait(limit, &mut |core| poll(waiting(core)), &mut |shared| {
                shared.outcome.is_some()
            });
            if waited != Waited::TimedOut || progress(core) == before {
                return;
            }
        }
    }

    /// Writes the spill.
    fn leave_behind(&self, core: &Core) -> Outcome {
        match self.spill(core) {
            Ok(()) => {
                core.update(|shared| {
                    shared.phase = Phase::Closed;
                    shared.window.discard();
                });
                core.abandon.notify_one();
                Outcome::Spilled
            }
            Err(error) => {
                messages::say("spill", chain(&error));
                core.update(|shared| shared.lost_rows += shared.window.pending_rows());
                Outcome::Lost
            }
        }
    }

    fn spill(&self, core: &Core) -> Result<(), SpillError> {
        let chunks = core.update(|shared| shared.window.pending());
        spill::write(&self.settings.spill(), core.hello(), &chunks).map(drop)
    }
}

fn progress(core: &Core) -> (u64, u64) {
    let shared = core.lock();
    (shared.window.acked(), shared.busy_count)
}

fn waiting(core: &Core) -> Waiting {
    core.lock()
        .busy
        .clone()
        .map_or(Waiting::Daemon, Waiting::Busy)
}

/// The last records of a session. Returns whether this is the first call, and the number to wait for.
fn end_records(shared: &mut Shared, owner: bool, exit_code: i32) -> (bool, u64) {
    let is_first = !std::mem::replace(&mut shared.finishing, true);
    if is_first && shared.phase == Phase::Open {
        shared.window.tell_gap();
        if owner {
            let exit = v1::Exit {
                exit_code,
                timestamp: clock::now(),
                abandoned: shared.abandoned,
            };
            shared.window.push_last(&encode::record(Kind::Exit(exit)));
        }
    }
    (is_first, shared.window.last())
}

fn wait_for_delivery(
    core: &Core,
    limit: Duration,
    poll: &mut dyn FnMut(Waiting) -> bool,
) -> Outcome {
    use v1::run::State;
    let mut end = State::Unspecified;
    let waited = core.wait(
        limit,
        &mut |core| poll(Waiting::Delivery(core.lock().run.clone().map(Box::new))),
        &mut |shared| {
            let state = shared
                .run
                .as_ref()
                .map_or(State::Unspecified, v1::Run::state);
            if matches!(state, State::Delivered | State::Parked | State::Offline) {
                end = state;
            }
            end != State::Unspecified || shared.phase == Phase::Closed
        },
    );
    match (waited, end) {
        (_, State::Delivered) => Outcome::Delivered,
        (Waited::TimedOut, _) => Outcome::Timeout,
        _ => Outcome::Acked,
    }
}

fn finished(core: &Core) -> Finished {
    let shared = core.lock();
    Finished {
        // Still unknown: another thread is in the middle of it.
        outcome: shared.outcome.unwrap_or(Outcome::Timeout),
        lost_rows: shared.lost_rows,
        dropped_rows: shared.window.dropped_rows(),
        run: shared.run.clone(),
    }
}
