//! What `define_metric` has said: which step metric a value goes by, and how it is summed up.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use indexmap::IndexMap;
use wandbd_record::convert::glob_prefix;
use wandbd_record::json::push_str;
use wandbd_record::wandb::{MetricRecord, MetricSummary};

/// How a value is summed up: bits by W&B's numbers (1 min, 2 max, 3 mean, 4 best, 5 last, 6 none, 7 copy, 8 first).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Aggregates(u16);

impl Aggregates {
    pub(crate) const MIN: u16 = 1;
    pub(crate) const MAX: u16 = 2;
    pub(crate) const MEAN: u16 = 3;
    pub(crate) const LAST: u16 = 5;
    pub(crate) const NONE: u16 = 6;
    const COPY: u16 = 7;
    pub(crate) const FIRST: u16 = 8;

    fn of(summary: MetricSummary) -> Self {
        let flags = [
            summary.min,
            summary.max,
            summary.mean,
            summary.best,
            summary.last,
            summary.none,
            summary.copy,
            summary.first,
        ];
        let mut bits = 0;
        for (number, flag) in (1_u16..).zip(flags) {
            bits |= u16::from(flag) << number;
        }
        Self(bits)
    }

    pub(crate) fn has(self, number: u16) -> bool {
        self.0 & (1 << number) != 0
    }

    /// Whether the summary shows an object of aggregates instead of the last value.
    pub(crate) fn shows_object(self) -> bool {
        [Self::MIN, Self::MAX, Self::MEAN, Self::LAST, Self::FIRST]
            .into_iter()
            .any(|number| self.has(number))
    }

    /// As W&B lists them: a copy is the default, and is not told.
    fn numbers(self) -> Vec<u16> {
        let told = |number: &u16| *number != Self::COPY && self.has(*number);
        (1..=8).filter(told).collect()
    }
}

/// What holds for one metric.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Changes with every definition of the metric: a new one ends the effect of explicit writes.
    pub(crate) version: u64,
    pub(crate) aggregates: Aggregates,
    /// The step metric to put in rows that lack it.
    pub(crate) sync: Option<Vec<String>>,
}

#[derive(Debug, Default)]
struct Definition {
    step: String,
    step_sync: bool,
    hidden: bool,
    defined: bool,
    aggregates: Aggregates,
    goal: i32,
    rule: Arc<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Exact(String),
    Glob(String),
}

/// All definitions of a run, in order.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    list: IndexMap<Name, Definition>,
    exact: HashMap<Vec<String>, Arc<Rule>>,
    globs: Vec<(String, Arc<Rule>)>,
    version: u64,
    syncs: bool,
}

impl Metrics {
    /// Adds a definition, or to one: options and aggregates add up, the step metric is replaced; `overwrite` forgets the old.
    pub(crate) fn define(&mut self, record: &MetricRecord) {
        let name = match (record.name.is_empty(), glob_prefix(&record.glob_name)) {
            (false, _) => Name::Exact(record.name.clone()),
            (true, Some(_)) => Name::Glob(record.glob_name.clone()),
            (true, None) => return,
        };
        self.version += 1;
        let definition = self.list.entry(name).or_default();
        if record.control.is_some_and(|control| control.overwrite) {
            *definition = Definition::default();
        }
        let options = record.options.unwrap_or_default();
        let summary = record.summary.unwrap_or_default();
        definition.step_sync |= options.step_sync;
        definition.hidden |= options.hidden;
        definition.defined |= options.defined;
        definition.aggregates.0 |= Aggregates::of(summary).0;
        if record.goal != 0 {
            definition.goal = record.goal;
        }
        if !record.step_metric.is_empty() {
            definition.step.clone_from(&record.step_metric);
        }
        definition.rule = Arc::new(Rule {
            version: self.version,
            aggregates: definition.aggregates,
            sync: (definition.step_sync && !definition.step.is_empty())
                .then(|| split_name(&definition.step)),
        });
        if !record.step_metric.is_empty() {
            self.list
                .entry(Name::Exact(record.step_metric.clone()))
                .or_default();
        }
        self.index();
    }

    fn index(&mut self) {
        self.exact.clear();
        self.globs.clear();
        self.syncs = false;
        for (name, definition) in &self.list {
            if !definition.defined && definition.rule.version == 0 {
                continue;
            }
            self.syncs |= definition.rule.sync.is_some();
            let rule = Arc::clone(&definition.rule);
            match name {
                Name::Exact(name) => {
                    self.exact.insert(split_name(name), rule);
                }
                Name::Glob(glob) => {
                    let prefix = glob_prefix(glob).unwrap_or(glob);
                    self.globs.push((prefix.to_owned(), rule));
                }
            }
        }
        // The longest prefix is the most specific; among equals the first defined.
        self.globs
            .sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    /// Moves with every definition; what was looked up at another version must be looked up again.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether any value brings its step metric with it.
    pub(crate) fn any_sync(&self) -> bool {
        self.syncs
    }

    /// The rule for a value: its own, else that of the most specific glob. Globs leave names with a leading `_` alone.
    pub(crate) fn rule(&self, path: &[String]) -> Option<Arc<Rule>> {
        if let Some(rule) = self.exact.get(path) {
            return Some(Arc::clone(rule));
        }
        if self.globs.is_empty() || path.first().is_none_or(|name| name.starts_with('_')) {
            return None;
        }
        let name = join_name(path);
        self.globs
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix.as_str()))
            .map(|(_, rule)| Arc::clone(rule))
    }

    /// The list `_wandb.value.m` of the config: proto field numbers as keys.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::from("[");
        for (index, (name, definition)) in self.list.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let (key, text) = match name {
                Name::Exact(name) => ("{\"1\":", name),
                Name::Glob(glob) => ("{\"2\":", glob),
            };
            out.push_str(key);
            push_str(&mut out, text);
            let glob = matches!(name, Name::Glob(_));
            self.write_rest(&mut out, definition, glob);
        }
        out.push(']');
        out
    }

    fn write_rest(&self, out: &mut String, definition: &Definition, glob: bool) {
        let step = Name::Exact(definition.step.clone());
        let index = self
            .list
            .get_index_of(&step)
            .filter(|_| !definition.step.is_empty());
        let options = [
            (1, definition.step_sync),
            (2, definition.hidden),
            (3, definition.defined && !glob), // W&B does not say it of globs
        ];
        let options: Vec<u16> = options
            .into_iter()
            .filter_map(|(number, set)| set.then_some(number))
            .collect();
        let mut written = Ok(());
        if let Some(index) = index {
            written = written.and(write!(out, ",\"5\":{}", index + 1));
        }
        written = written.and(write!(out, ",\"6\":{}", list_text(&options)));
        written = written.and(write!(
            out,
            ",\"7\":{}",
            list_text(&definition.aggregates.numbers())
        ));
        if definition.goal != 0 {
            written = written.and(write!(out, ",\"8\":{}", definition.goal));
        }
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        out.push('}');
    }
}

fn list_text(numbers: &[u16]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// A metric's name as a path: `.` walks into nested names, `\.` is a literal dot.
fn split_name(name: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut rest = name.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '\\' if rest.peek() == Some(&'.') => {
                rest.next();
                push_char(&mut out, '.');
            }
            '.' => out.push(String::new()),
            one => push_char(&mut out, one),
        }
    }
    out
}

fn push_char(names: &mut [String], one: char) {
    if let Some(last) = names.last_mut() {
        last.push(one);
    }
}

/// A path as a metric's name, the reverse of [`split_name`].
fn join_name(path: &[String]) -> String {
    let names: Vec<String> = path.iter().map(|name| name.replace('.', "\\.")).collect();
    names.join(".")
}

#[cfg(test)]
mod tests {
    use wandbd_record::wandb::MetricOptions;

    use super::*;

    fn metric(name: &str, step: &str) -> MetricRecord {
        let (name, glob_name) = if name.ends_with('*') {
            (String::new(), name.to_owned())
        } else {
            (name.to_owned(), String::new())
        };
        MetricRecord {
            name,
            glob_name,
            step_metric: step.into(),
            options: Some(MetricOptions {
                step_sync: !step.is_empty(),
                hidden: false,
                defined: true,
            }),
            ..MetricRecord::default()
        }
    }

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_list_in_the_config_has_numbers_for_keys_and_an_entry_for_an_undefined_step_metric() {
        let mut metrics = Metrics::default();
        metrics.define(&MetricRecord {
            summary: Some(MetricSummary {
                max: true,
                ..MetricSummary::default()
            }),
            ..metric("acc", "epoch")
        });
        metrics.define(&metric("val/*", "epoch"));

        assert_eq!(
            metrics.to_json(),
            r#"[{"1":"acc","5":2,"6":[1,3],"7":[2]},{"1":"epoch","6":[],"7":[]},{"2":"val/*","5":2,"6":[1],"7":[]}]"#
        );
    }

    #[test]
    fn an_exact_name_goes_before_the_longest_glob() {
        let mut metrics = Metrics::default();
        metrics.define(&metric("*", "a"));
        metrics.define(&metric("val/*", "b"));
        metrics.define(&metric("val/x", "c"));
        let sync = |names: &[&str]| {
            metrics
                .rule(&path(names))
                .and_then(|rule| rule.sync.clone())
        };

        assert_eq!(sync(&["val/x"]), Some(path(&["c"])));
        assert_eq!(sync(&["val/y"]), Some(path(&["b"])));
        assert_eq!(sync(&["loss"]), Some(path(&["a"])));
        assert_eq!(sync(&["_step"]), None);
    }

    #[test]
    fn a_dot_walks_into_nested_names_unless_it_is_escaped() {
        let mut metrics = Metrics::default();
        metrics.define(&metric("n.x", "s"));
        metrics.define(&metric("d\\.x", "s"));

        assert!(metrics.rule(&path(&["n", "x"])).is_some());
        assert!(metrics.rule(&path(&["d.x"])).is_some());
        assert!(metrics.rule(&path(&["n.x"])).is_none());
    }

    #[test]
    fn a_later_definition_adds_and_overwrite_replaces() {
        let mut metrics = Metrics::default();
        let with = |min, max| {
            let summary = MetricSummary {
                min,
                max,
                ..MetricSummary::default()
            };
            MetricRecord {
                summary: Some(summary),
                ..metric("a", "")
            }
        };
        metrics.define(&with(true, false));
        metrics.define(&with(false, true));
        assert!(metrics.to_json().contains(r#""7":[1,2]"#));

        metrics.define(&MetricRecord {
            control: Some(wandbd_record::wandb::MetricControl { overwrite: true }),
            ..with(false, true)
        });
        assert!(metrics.to_json().contains(r#""7":[2]"#));
    }
}
