use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::advice::cause;
use crate::budget::Budget;
use crate::destination::Destination;
use crate::error::SendError;
use crate::policy::{Backoff, Policy};
use crate::progress::{Channel, Standing};
use crate::timing::Timing;

/// The uploader was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How to get an answer: tries, waits and says why. Shared by all that an uploader sends.
pub(crate) struct Courier {
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) timing: Timing,
    pub(crate) standing: Standing,
    pub(crate) stop: CancellationToken,
    pub(crate) retry: Arc<watch::Sender<u64>>,
    pub(crate) ending: AtomicBool,
    /// Errands that wait after a failure.
    pub(crate) held_errands: AtomicUsize,
    /// For logs.
    pub(crate) name: String,
}

/// What to do with an offer that is refused for its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Give up after a few offers.
    GiveUp,
    /// Park and offer it again.
    Park,
    /// Whatever the server has against it counts as a refusal: give up after a few offers.
    Drop,
}

impl Courier {
    pub(crate) fn ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Makes one attempt: `None` as an answer means that nothing came within `limit`.
    pub(crate) async fn attempt<T>(
        &self,
        limit: Duration,
        attempt: impl Future<Output = Result<T, SendError>>,
    ) -> Result<Result<T, SendError>, Stopped> {
        let stopped = async {
            self.stop.cancelled().await;
            sleep(self.timing.stop_grace).await;
        };
        tokio::select! {
            biased;
            answer = attempt => Ok(answer),
            () = sleep(limit) => Ok(Err(SendError::Timeout(limit))),
            () = stopped => Err(Stopped),
        }
    }

    /// Asks until there is an answer. An error is a refusal of the content.
    pub(crate) async fn insist<'a, T>(
        &self,
        channel: Channel,
        rejection: Rejection,
        ask: impl Fn() -> BoxFuture<'a, Result<T, SendError>>,
    ) -> Result<Result<T, SendError>, Stopped> {
        let mut backoff = Backoff::default();
        let mut refused = 0;
        loop {
            let permit = self.or_stop(self.budget.request(self.ending())).await?;
            let answer = self.attempt(self.call_limit(), ask()).await?;
            drop(permit);
            let error = match answer {
                Ok(answer) => {
                    self.flows(channel);
                    return Ok(Ok(answer));
                }
                Err(error) => error,
            };
            if matches!(error, SendError::Usage(_)) {
                return Ok(Err(error));
            }
            let policy = match (error.policy(false), rejection) {
                (Policy::Refuse, Rejection::GiveUp)
                | (
                    Policy::Refuse | Policy::Hourly | Policy::Told | Policy::Reopen,
                    Rejection::Drop,
                ) => {
                    refused += 1;
                    if refused >= self.timing.rejections {
                        self.flows(channel);
                        return Ok(Err(error));
                    }
                    Policy::BackOff
                }
                (Policy::Reopen, _) => Policy::BackOff,
                (policy, _) => policy,
            };
            self.wait_out(channel, &error, policy, &mut backoff).await?;
        }
    }

    /// Waits as `policy` says, or until somebody says `retry`.
    pub(crate) async fn wait_out(
        &self,
        channel: Channel,
        error: &SendError,
        policy: Policy,
        backoff: &mut Backoff,
    ) -> Result<(), Stopped> {
        let mut retry = self.retry.subscribe();
        self.standing
            .unauthorized(matches!(error, SendError::Unauthorized(_)));
        if policy == Policy::Reauthorize {
            self.or_stop(self.destination.reauthorize()).await?;
        }
        let wait = backoff.wait(policy, &self.timing);
        let parked = !matches!(
            policy,
            Policy::BackOff | Policy::After(_) | Policy::Reauthorize
        );
        let run = self.name.strip_prefix("run-").unwrap_or(&self.name);
        let cause = cause(error, channel, policy, run);
        warn!(run = %self.name, ?channel, %cause, ?wait, "upload delayed");
        self.standing.held_up(channel, parked, cause);
        let over = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped),
            _ = retry.changed() => {
                backoff.reset();
                Ok(())
            }
            () = over => Ok(()),
        }
    }

    /// Things go on; whoever waited is told.
    pub(crate) fn flows(&self, channel: Channel) {
        self.standing.flows(channel);
        if channel != Channel::Journal {
            self.standing.unauthorized(false);
        }
    }

    /// How long one answer is waited for.
    pub(crate) fn call_limit(&self) -> Duration {
        let own = self.destination.pace().call_timeout;
        own.unwrap_or(self.timing.call_timeout)
    }

    /// Sleeps until `until` unless told to stop.
    pub(crate) async fn sleep_until(&self, until: Instant) -> Result<(), Stopped> {
        self.or_stop(sleep_until(until)).await
    }

    /// Waits for `what` unless told to stop.
    pub(crate) async fn or_stop<T>(&self, what: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped),
            done = what => Ok(done),
        }
    }

    /// Notes that the run has ended: it goes before others from now on.
    pub(crate) fn run_ends(&self) {
        if !self.ending.swap(true, Ordering::Relaxed) {
            info!(run = %self.name, "the run has ended, delivering the rest");
            self.standing.ends();
        }
    }
}
