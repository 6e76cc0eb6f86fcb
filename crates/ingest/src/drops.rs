//! Counters of what was not kept: every drop has a reason and a number that a person can see.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Counts by reason. Reasons are few and fixed, so this cannot grow.
#[derive(Debug, Default)]
pub struct Drops(Mutex<BTreeMap<&'static str, u64>>);

impl Drops {
    /// Adds to the counter of this reason.
    pub fn count(&self, reason: &'static str, number: u64) {
        if number > 0 {
            *self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(reason)
                .or_default() += number;
        }
    }

    /// All counters that are not zero.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }
}
