//! Gets a parcel accepted, post by post.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use tracing::{debug, warn};
use wandbd_run::Opened;

use crate::courier::{Courier, Stopped};
use crate::destination::{Answer, Post, RunStart};
use crate::error::{SendError, chain};
use crate::parcel::{Parcel, Slice, Tail};
use crate::policy::{Backoff, Policy};
use crate::progress::Channel;
use crate::quarantine::{Refused, bare_console, bare_event, bare_history};
use crate::timing::Pace;

/// What came of a parcel: it is accepted, but for what was refused.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) stopped: bool,
    /// The run was deleted there, and a person wants it back. The rest of the parcel was not sent.
    pub(crate) deleted: bool,
    pub(crate) refused: Vec<Refused>,
}

pub(crate) struct Poster {
    pub(crate) courier: Arc<Courier>,
    pub(crate) start: Arc<RunStart>,
    pub(crate) opened: Arc<Opened>,
    pub(crate) pace: Pace,
    /// The server has taken a post of this run.
    pub(crate) accepted: AtomicBool,
    /// When the last attempt ended.
    pub(crate) last: Mutex<Option<Instant>>,
}

impl Poster {
    /// When the last attempt ended.
    pub(crate) fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_sent(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Sends a parcel until all of it is accepted or put aside.
    pub(crate) async fn deliver(&self, mut parcel: Parcel) -> Result<Outcome, Stopped> {
        let mut slices = parcel.plan(self.pace.max_post_bytes);
        let mut outcome = Outcome::default();
        let mut probed = false;
        while let Some(slice) = slices.pop_front() {
            let refusal = match self.send(&parcel.post(&slice)).await? {
                Ok(answer) => {
                    outcome.stopped |= answer.stopped;
                    continue;
                }
                Err(refusal) => refusal,
            };
            if matches!(refusal, SendError::Gone { .. }) {
                outcome.deleted = true;
                return Ok(outcome);
            }
            if slice.units() > 1 && !probed {
                probed = self.takes_anything().await?;
                if !probed {
                    self.park(&refusal).await?;
                    slices.push_front(slice);
                    continue;
                }
            }
            if slice.units() > 1 {
                let (first, second) = slice.halves();
                debug!(run = %self.courier.name, left = slice.units(), "looking for the line that is refused");
                slices.push_front(second);
                slices.push_front(first);
            } else if let Some(refused) = self.put_aside(&mut parcel, &slice, &refusal).await? {
                outcome.refused.push(refused);
            } else {
                self.park(&refusal).await?;
                slices.push_front(slice);
            }
        }
        Ok(outcome)
    }

    /// Tells whether the server refuses every post or just this one.
    async fn takes_anything(&self) -> Result<bool, Stopped> {
        Ok(self.send(&Post::default()).await?.is_ok())
    }

    async fn park(&self, refusal: &SendError) -> Result<(), Stopped> {
        let mut backoff = Backoff::default();
        self.courier
            .wait_out(Channel::Post, refusal, Policy::Hourly, &mut backoff)
            .await
    }

    /// Puts something harmless in place of the one thing in `slice`. `None`: the server refuses that, too; nothing is changed.
    async fn put_aside(
        &self,
        parcel: &mut Parcel,
        slice: &Slice,
        refusal: &SendError,
    ) -> Result<Option<Refused>, Stopped> {
        let reason = chain(refusal);
        let Some((file, line, place, bare)) = single(parcel, slice) else {
            return Ok(given_up(parcel, slice, reason));
        };
        let content = std::mem::replace(place, bare(place));
        if self.send(&parcel.post(slice)).await?.is_ok() {
            warn!(run = %self.courier.name, file, line, %reason, "the server refuses a line; it is kept in the quarantine file");
            return Ok(Some(Refused {
                file,
                line,
                reason,
                content,
            }));
        }
        if let Some((_, _, place, _)) = single(parcel, slice) {
            *place = content;
        }
        Ok(None)
    }

    /// Sends one post until it is accepted; an error is a refusal of its content, or the run is gone although a person says that it
    /// should be there.
    async fn send(&self, post: &Post) -> Result<Result<Answer, SendError>, Stopped> {
        let mut backoff = Backoff::default();
        let mut reopened = false;
        let mut told = false;
        loop {
            if let Some(last) = self.last() {
                self.courier.sleep_until(last + self.pace.min_gap).await?;
            }
            let permit = self.courier.budget.request(self.courier.ending());
            let permit = self.courier.or_stop(permit).await?;
            let project = format!("{}/{}", self.opened.entity, self.opened.project);
            let slot = self.courier.budget.slot(&project);
            self.courier.or_stop(slot).await?;
            let run = format!("{project}/{}", self.opened.run_id);
            let turn = self.courier.budget.run_slot(&run, self.pace.min_gap);
            self.courier.or_stop(turn).await?;
            self.now_sent();
            let attempt = self.courier.destination.post(&self.opened, post);
            let limit = self.pace.post_timeout;
            let limit = limit.unwrap_or(self.courier.timing.post_timeout);
            let answer = self.courier.attempt(limit, attempt).await;
            drop(permit);
            let error = match answer? {
                Ok(answer) => {
                    self.accepted.store(true, Ordering::Relaxed);
                    self.courier.flows(Channel::Post);
                    return Ok(Ok(answer));
                }
                Err(error) => error,
            };
            match error.policy(self.accepted.load(Ordering::Relaxed)) {
                Policy::Refuse => return Ok(Err(error)),
                Policy::Told if matches!(error, SendError::Gone { .. }) => {
                    if told {
                        return Ok(Err(error));
                    }
                    told = true;
                    self.courier
                        .wait_out(Channel::Post, &error, Policy::Told, &mut backoff)
                        .await?;
                }
                Policy::Reopen if !reopened => {
                    reopened = true;
                    self.reopen(&error).await?;
                }
                policy => {
                    self.courier
                        .wait_out(Channel::Post, &error, policy, &mut backoff)
                        .await?;
                }
            }
        }
    }

    /// Asks for the run once more; what counts is only that the server looks at it.
    async fn reopen(&self, conflict: &SendError) -> Result<(), Stopped> {
        warn!(run = %self.courier.name, %conflict, "asking for the state of the run");
        let limit = self.courier.call_limit();
        let open = self.courier.destination.open(&self.start);
        if let Err(error) = self.courier.attempt(limit, open).await? {
            warn!(run = %self.courier.name, error = %chain(&error), "no answer");
        }
        Ok(())
    }
}

type Single<'a> = (&'static str, u64, &'a mut String, fn(&str) -> String);

/// The one line in a slice of one unit.
fn single<'a>(parcel: &'a mut Parcel, slice: &Slice) -> Option<Single<'a>> {
    if !slice.history.is_empty() {
        let at = slice.history.start;
        let line = parcel.history_offset + at as u64;
        let place = Arc::make_mut(&mut parcel.history).get_mut(at)?;
        return Some(("wandb-history.jsonl", line, place, bare_history));
    }
    if !slice.events.is_empty() {
        let at = slice.events.start;
        let line = parcel.events_offset + at as u64;
        let place = Arc::make_mut(&mut parcel.events).get_mut(at)?;
        return Some(("wandb-events.jsonl", line, place, bare_event));
    }
    let (stretch, range) = slice.console.as_ref()?;
    if range.is_empty() {
        return None;
    }
    let stretch = parcel.console.get_mut(*stretch)?;
    let line = stretch.first + range.start as u64;
    let place = Arc::make_mut(&mut stretch.lines).get_mut(range.start)?;
    Some(("output.log", line, place, bare_console))
}

/// Leaves out what has no stand-in: the summary comes again, and names of files are a courtesy. The end of the run stays.
fn given_up(parcel: &Parcel, slice: &Slice, reason: String) -> Option<Refused> {
    let (file, content) = match parcel.tail().get(slice.tail.start)? {
        // It can be made again from the journal, and may be refused every time it changes.
        Tail::Summary => ("wandb-summary.json", String::new()),
        Tail::Uploaded => ("uploaded", parcel.uploaded.join("\n")),
        Tail::Preempting => ("preempting", String::new()),
        Tail::Complete => return None,
    };
    warn!(file, %reason, "the server refuses a part of a post; it is kept in the quarantine file");
    Some(Refused {
        file,
        line: 0,
        reason,
        content,
    })
}
