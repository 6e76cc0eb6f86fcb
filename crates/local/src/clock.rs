//! The one place that asks for the time: a server is where time enters.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Seconds since the Unix epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "arrival times are this server's own observation"
)]
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
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
