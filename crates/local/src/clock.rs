//! The one place that asks for the time: a server is where time enters.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Tells the server the time. Tests bring one that they move themselves.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        Self::from_fn(system_now)
    }

    /// A clock that asks `now` for the seconds since the Unix epoch.
    pub fn from_fn(now: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> f64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "arrival times are this server's own observation"
)]
fn system_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// A moment at which runs are looked at, and how long silence may last by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Seconds since the Unix epoch.
    pub(crate) now: f64,
    /// Seconds without a post after which a run counts as dead.
    pub(crate) crashed_after_s: f64,
}

/// `seconds` since the epoch as `2026-01-01T00:00:00Z`.
pub(crate) fn iso(seconds: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "floor of a date's seconds fits"
    )]
    let whole = seconds.floor() as i64;
    Timestamp::from_second(whole).map_or_else(
        |_| String::from("1970-01-01T00:00:00Z"),
        |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}
