//! The journal through its public face, on a disk that forgets, fills up, fails and hangs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod commit;
mod crash;
mod cursor;
mod faults;
mod format;
mod memory;
mod os;
mod support;
mod tail;
