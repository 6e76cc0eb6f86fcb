//! Running totals as a target sees them: growth since its first sample.

use std::collections::{HashMap, HashSet};

use crate::metric::Number;

#[derive(Debug)]
struct Counter {
    last: Number,
    grown: Number,
}

/// The totals of all targets.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    counters: HashMap<u64, HashMap<String, Counter>>,
}

impl Totals {
    /// How far `key` has grown since this target first saw it, now that the device says `raw`.
    pub(crate) fn since_start(&mut self, target: u64, key: &str, raw: Number) -> Number {
        let counters = self.counters.entry(target).or_default();
        if let Some(counter) = counters.get_mut(key) {
            counter.grown = add_growth(counter.grown, counter.last, raw);
            counter.last = raw;
            return counter.grown;
        }
        let grown = match raw {
            Number::Int(_) => Number::Int(0),
            Number::Float(_) => Number::Float(0.0),
        };
        counters.insert(key.to_owned(), Counter { last: raw, grown });
        grown
    }

    /// Forgets all targets but these.
    pub(crate) fn keep(&mut self, targets: &HashSet<u64>) {
        self.counters.retain(|target, _| targets.contains(target));
    }
}

fn add_growth(grown: Number, last: Number, raw: Number) -> Number {
    match (grown, last, raw) {
        (Number::Int(grown), Number::Int(last), Number::Int(raw)) => {
            Number::Int(grown.saturating_add(raw.saturating_sub(last).max(0)))
        }
        (Number::Float(grown), Number::Float(last), Number::Float(raw)) => {
            Number::Float(grown + (raw - last).max(0.0))
        }
        // The device changed the type of its total: begin again from here.
        (grown, _, _) => grown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_counts_from_its_own_first_sample() {
        let mut totals = Totals::default();
        assert_eq!(
            totals.since_start(1, "network.sent", Number::Int(1_000)),
            Number::Int(0)
        );
        assert_eq!(
            totals.since_start(1, "network.sent", Number::Int(1_500)),
            Number::Int(500)
        );
        assert_eq!(
            totals.since_start(2, "network.sent", Number::Int(1_500)),
            Number::Int(0)
        );
        assert_eq!(
            totals.since_start(1, "network.sent", Number::Int(1_600)),
            Number::Int(600)
        );
        assert_eq!(
            totals.since_start(2, "network.sent", Number::Int(1_600)),
            Number::Int(100)
        );
    }

    #[test]
    fn a_total_that_was_reset_never_takes_anything_away() {
        let mut totals = Totals::default();
        totals.since_start(1, "disk.sda.in", Number::Float(10.0));
        assert_eq!(
            totals.since_start(1, "disk.sda.in", Number::Float(14.5)),
            Number::Float(4.5)
        );
        assert_eq!(
            totals.since_start(1, "disk.sda.in", Number::Float(1.0)),
            Number::Float(4.5)
        );
        assert_eq!(
            totals.since_start(1, "disk.sda.in", Number::Float(2.0)),
            Number::Float(5.5)
        );
    }

    #[test]
    fn a_target_that_left_begins_again_when_it_returns() {
        let mut totals = Totals::default();
        totals.since_start(1, "network.sent", Number::Int(5));
        totals.since_start(1, "network.sent", Number::Int(9));
        totals.keep(&HashSet::from([2]));
        assert_eq!(
            totals.since_start(1, "network.sent", Number::Int(20)),
            Number::Int(0)
        );
    }
}
