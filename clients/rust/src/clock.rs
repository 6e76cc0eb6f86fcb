//! The wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in seconds; 0 before 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "the edge: rows are stamped where `log` is called"
)]
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
