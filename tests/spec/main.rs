//! Promises about the workspace itself.

#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod architecture;
