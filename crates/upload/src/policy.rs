//! What to do about an answer. Nothing here ends an upload.

use std::time::Duration;

use crate::error::SendError;
use crate::timing::Timing;

/// What an uploader does after a failed attempt.
///
/// | Answer | Policy |
/// |---|---|
/// | network, TLS, DNS, timeout, 5xx, other statuses | [`BackOff`](Policy::BackOff): 1 s doubling to 60 s, plus up to 25 % |
/// | 429 or 503 with `Retry-After` | [`After`](Policy::After) exactly that, also above 60 s |
/// | 401 | [`Reauthorize`](Policy::Reauthorize): read the credentials again, back off up to 10 min |
/// | 403 | [`Hourly`](Policy::Hourly): parked, tried hourly |
/// | 404, 410 | [`Told`](Policy::Told) once a post was accepted (the owner deleted the run), else [`Hourly`](Policy::Hourly) |
/// | 409 | [`Reopen`](Policy::Reopen): open the run again once, then [`Told`](Policy::Told) |
/// | 400, 413, 422, GraphQL errors | [`Refuse`](Policy::Refuse): find the part that is refused and go on without it |
/// | signed address refused | [`BackOff`](Policy::BackOff) with a fresh address |
/// | a local file that is gone, a file without an upload address | [`Refuse`](Policy::Refuse) |
/// | a state that `init` forbids | [`Told`](Policy::Told): the upload ends, nothing is sent |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Again, later and later.
    BackOff,
    /// Again, exactly then.
    After(Duration),
    /// Read the credentials again, then as `BackOff` with a longer limit.
    Reauthorize,
    /// Parked; tried again every hour.
    Hourly,
    /// Parked until a person says `retry`.
    Told,
    /// Ask for the run's state once, then as `Told`.
    Reopen,
    /// The same again is pointless: leave out what is refused.
    Refuse,
}

impl SendError {
    /// What to do about it. `accepted`: the server has taken a post of this run before.
    pub fn policy(&self, accepted: bool) -> Policy {
        match self {
            SendError::Busy(Some(pause)) => Policy::After(*pause),
            SendError::Unreachable(_)
            | SendError::Timeout(_)
            | SendError::Busy(None)
            | SendError::Server { .. }
            | SendError::Expired { .. } => Policy::BackOff,
            SendError::Unauthorized(_) => Policy::Reauthorize,
            SendError::Gone { .. } if accepted => Policy::Told,
            SendError::Usage(_) => Policy::Told,
            SendError::Forbidden(_) | SendError::Gone { .. } => Policy::Hourly,
            SendError::Conflict(_) => Policy::Reopen,
            SendError::Rejected { .. } | SendError::NoAddress | SendError::Missing { .. } => {
                Policy::Refuse
            }
        }
    }
}

/// Waits that double.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next wait, before chance is added.
    fn bare(&mut self, first: Duration, longest: Duration) -> Duration {
        let wait = first.saturating_mul(1u32.checked_shl(self.attempts).unwrap_or(u32::MAX));
        self.attempts = (self.attempts + 1).min(31);
        wait.min(longest)
    }

    /// How long to wait now; `None`: until told.
    pub(crate) fn wait(&mut self, policy: Policy, timing: &Timing) -> Option<Duration> {
        match policy {
            Policy::BackOff => Some(jitter(self.bare(timing.retry_first, timing.retry_max))),
            Policy::After(pause) => Some(pause),
            Policy::Reauthorize => Some(jitter(
                self.bare(timing.retry_first, timing.unauthorized_max),
            )),
            Policy::Hourly | Policy::Refuse => Some(timing.parked),
            Policy::Told | Policy::Reopen => None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

fn jitter(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + 0.25 * rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_gain_at_most_a_quarter() {
        let timing = Timing::default();
        let mut backoff = Backoff::default();

        let waits: Vec<Duration> = (0..40)
            .filter_map(|_| backoff.wait(Policy::BackOff, &timing))
            .collect();

        for (n, wait) in waits.iter().enumerate() {
            let bare = Duration::from_secs(1 << n.min(6)).min(Duration::from_mins(1));
            assert!(
                *wait >= bare && *wait <= bare.mul_f64(1.25),
                "{n}: {wait:?}"
            );
        }
        assert_eq!(waits.len(), 40);
    }

    #[test]
    fn a_wish_of_the_server_is_obeyed_to_the_second() {
        let error = SendError::Busy(Some(Duration::from_hours(1)));

        let wait = Backoff::default().wait(error.policy(true), &Timing::default());

        assert_eq!(wait, Some(Duration::from_hours(1)));
    }

    #[test]
    fn a_deleted_run_waits_for_a_person_and_an_unknown_one_does_not() {
        let gone = SendError::Gone {
            status: 404,
            reason: String::new(),
        };

        assert_eq!(gone.policy(true), Policy::Told);
        assert_eq!(gone.policy(false), Policy::Hourly);
    }

    #[test]
    fn missing_credentials_are_looked_for_at_least_every_ten_minutes_and_a_half() {
        let timing = Timing::default();
        let mut backoff = Backoff::default();

        let longest = (0..20)
            .filter_map(|_| backoff.wait(Policy::Reauthorize, &timing))
            .max();

        assert!(longest.is_some_and(
            |longest| longest >= Duration::from_mins(10) && longest <= Duration::from_secs(750)
        ));
    }
}
