//! One leaf of the summary: its values so far, and what is shown of them.

use std::borrow::Cow;
use std::sync::Arc;

use wandbd_record::json::{number, push_f64};

use crate::metrics::{Aggregates, Metrics, Rule};

/// What the summary shows of a leaf.
#[derive(Debug, Default)]
pub(super) enum Shown {
    #[default]
    Nothing,
    Last,
    Aggregates,
    Written(String),
}

#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// The last value that was logged.
    pub(super) last: String,
    pub(super) shown: Shown,
    stats: Stats,
    rule: Option<Arc<Rule>>,
    /// Version of the definitions at which `rule` was looked up.
    looked_up: u64,
    /// An explicit write has switched the aggregation off.
    pub(super) off: bool,
    /// The period in which it last changed.
    pub(super) changed: u64,
}

/// Of all numbers that were logged. NaN takes part like any other: once it was logged, it is the smallest, the largest and the mean.
#[derive(Debug, Default)]
struct Stats {
    count: u64,
    first: f64,
    min: f64,
    max: f64,
    sum: f64,
}

impl Stats {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.first, self.min, self.max) = (value, value, value);
        }
        self.count += 1;
        if value.is_nan() || value < self.min {
            self.min = if self.min.is_nan() { self.min } else { value };
        }
        if value.is_nan() || value > self.max {
            self.max = if self.max.is_nan() { self.max } else { value };
        }
        self.sum += value;
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 rows")]
    fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

impl Leaf {
    /// Takes the next value that was logged.
    pub(super) fn log(&mut self, metrics: &Metrics, path: &[String], raw: &str) {
        if self.looked_up != metrics.version() {
            self.looked_up = metrics.version();
            let rule = metrics.rule(path);
            let version = |rule: &Option<Arc<Rule>>| rule.as_ref().map_or(0, |rule| rule.version);
            self.off &= version(&rule) == version(&self.rule);
            self.rule = rule;
        }
        self.last.clear();
        self.last.push_str(raw);
        if let Some(value) = number(raw) {
            self.stats.add(value);
        }
        let aggregates = self.aggregates();
        if aggregates.has(Aggregates::NONE) {
            if !matches!(self.shown, Shown::Written(_)) {
                self.shown = Shown::Nothing;
            }
        } else if !self.off && aggregates.shows_object() && self.stats.count > 0 {
            self.shown = Shown::Aggregates;
        } else {
            self.shown = Shown::Last;
        }
    }

    /// Whether an object of aggregates is shown now that may look different after the next value.
    pub(super) fn may_reshape(&self, metrics: &Metrics) -> bool {
        matches!(self.shown, Shown::Aggregates) && self.looked_up != metrics.version()
    }

    fn aggregates(&self) -> Aggregates {
        self.rule
            .as_ref()
            .map_or(Aggregates::default(), |rule| rule.aggregates)
    }

    /// What is shown, as extended JSON.
    pub(super) fn raw(&self) -> Option<Cow<'_, str>> {
        match &self.shown {
            Shown::Nothing => None,
            Shown::Last => Some(Cow::Borrowed(&self.last)),
            Shown::Written(text) => Some(Cow::Borrowed(text)),
            Shown::Aggregates => Some(Cow::Owned(self.object())),
        }
    }

    fn object(&self) -> String {
        let aggregates = self.aggregates();
        let mut out = String::from("{");
        for (number, name, value) in [
            (Aggregates::MIN, "min", self.stats.min),
            (Aggregates::MAX, "max", self.stats.max),
            (Aggregates::MEAN, "mean", self.stats.mean()),
            (Aggregates::FIRST, "first", self.stats.first),
        ] {
            if aggregates.has(number) {
                member(&mut out, name);
                push_f64(&mut out, value);
            }
        }
        if aggregates.has(Aggregates::LAST) {
            member(&mut out, "last");
            out.push_str(&self.last);
        }
        out.push('}');
        out
    }
}

fn member(out: &mut String, name: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}
