//! Lines for the user's terminal. The library never prints: the face does, from the user's own thread.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::fork::PerProcess;

/// No more different lines than this are kept in a process: a flood helps nobody.
const LIMIT: usize = 100;

#[derive(Default)]
struct Messages {
    said: HashSet<String>,
    waiting: Vec<String>,
}

static MESSAGES: PerProcess<Mutex<Messages>> = PerProcess::empty();

/// Leaves a line, unless one about the same `topic` was left before in this process.
pub fn say(topic: &str, line: impl Into<String>) {
    let messages = MESSAGES.get_or_init(Mutex::default);
    let mut messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
    if messages.said.len() < LIMIT && messages.said.insert(topic.to_owned()) {
        messages.waiting.push(line.into());
    }
}

/// The lines that have come up since the last call, each at most once per process.
pub fn take() -> Vec<String> {
    MESSAGES.get().map_or_else(Vec::new, |messages| {
        std::mem::take(
            &mut messages
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .waiting,
        )
    })
}
