//! Stopping the training process because its owner asked for it on the run's page.
//!
//! W&B's SDK raises `KeyboardInterrupt` in the main thread. A SIGINT to the own process does the same in Python, also in the middle of
//! a system call. A process that ignores SIGINT, or that would be killed by it without a word, is left alone: it can ask
//! [`crate::Session::is_stopped`].

#![allow(unsafe_code, reason = "asking for the handler of a signal")]

use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::process::{Signal, getpid, kill_process};

use crate::messages;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Whether a stop asked for on a run's page interrupts the process that opened the run, once per run. Off at first.
pub fn interrupt_on_stop(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Interrupts this process if that is wanted and somebody listens.
pub(crate) fn interrupt() {
    if !ENABLED.load(Ordering::Relaxed) || !has_handler() {
        return;
    }
    if let Err(error) = kill_process(getpid(), Signal::INT) {
        messages::say(
            "interrupt",
            format!("a stop was asked for, and this process cannot be interrupted: {error}"),
        );
    }
}

fn has_handler() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and what is written fits the place.
    let asked = unsafe { libc::sigaction(libc::SIGINT, std::ptr::null(), action.as_mut_ptr()) };
    if asked != 0 {
        return false;
    }
    // SAFETY: the call succeeded, and all bit patterns are valid.
    let handler = unsafe { action.assume_init() }.sa_sigaction;
    handler != libc::SIG_DFL && handler != libc::SIG_IGN
}
