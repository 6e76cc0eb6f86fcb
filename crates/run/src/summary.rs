//! The summary before the journal: what each leaf shows, and what of it has changed.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;
use wandbd_record::convert::summary_item;
use wandbd_record::json::{number, push_f64};
use wandbd_record::wandb::SummaryRecord;
use wandbd_record::{Node, Tree};

use crate::metrics::{Aggregates, Metrics, Rule};

type Branch = IndexMap<String, Place>;

#[derive(Debug)]
enum Place {
    Leaf(Box<Leaf>),
    Branch(Branch),
}

/// What the summary shows of a leaf.
#[derive(Debug, Default)]
enum Shown {
    #[default]
    Nothing,
    Last,
    Aggregates,
    Written(String),
}

#[derive(Debug, Default)]
struct Leaf {
    /// The last value that was logged.
    last: String,
    shown: Shown,
    stats: Stats,
    rule: Option<Arc<Rule>>,
    /// Version of the definitions at which `rule` was looked up.
    looked_up: u64,
    /// An explicit write has switched the aggregation off.
    off: bool,
    /// The period in which it last changed.
    changed: u64,
}

/// Of all numbers that were logged. The largest and the smallest ignore NaN where they can; the mean does not.
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
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 rows")]
    fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

impl Leaf {
    fn log(&mut self, metrics: &Metrics, path: &[String], raw: &str) {
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

    fn aggregates(&self) -> Aggregates {
        self.rule
            .as_ref()
            .map_or(Aggregates::default(), |rule| rule.aggregates)
    }

    fn raw(&self) -> Option<Cow<'_, str>> {
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

/// The summary of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    root: Branch,
    /// Counts the takes: what changed in this period is still to be told.
    period: u64,
    /// Whether anything is to be told.
    dirty: bool,
    removed: Vec<Removed>,
}

/// Something that is no longer there.
#[derive(Debug)]
struct Removed {
    path: Vec<String>,
    /// The leaves that were to be seen under it.
    leaves: Vec<Vec<String>>,
}

impl Summary {
    /// A value of a closed row.
    pub(crate) fn log(&mut self, metrics: &Metrics, path: &[String], raw: &str) {
        let period = self.period;
        if let Some(leaf) = leaf_at(&mut self.root, path) {
            leaf.log(metrics, path, raw);
            leaf.changed = period;
            self.dirty = true;
        }
    }

    /// A value that was set by hand: it replaces what was there and switches off aggregation.
    pub(crate) fn write(&mut self, path: &[String], node: Node) {
        match node {
            Node::Leaf(raw) => self.write_leaf(path, raw),
            Node::Tree(tree) if tree.is_empty() => self.write_leaf(path, "{}".to_owned()),
            Node::Tree(tree) => {
                if matches!(find(&self.root, path), Some(Place::Branch(_))) {
                    self.remove(path);
                }
                for (names, raw) in tree.into_leaves() {
                    let names: Vec<String> = path.iter().cloned().chain(names).collect();
                    self.write_leaf(&names, raw);
                }
            }
        }
    }

    fn write_leaf(&mut self, path: &[String], raw: String) {
        let period = self.period;
        if let Some(leaf) = leaf_at(&mut self.root, path) {
            leaf.shown = Shown::Written(raw);
            leaf.off = true;
            leaf.changed = period;
            self.dirty = true;
        }
    }

    /// Takes out a leaf or a subtree. A leaf stays known, so that its aggregation stays off.
    pub(crate) fn remove(&mut self, path: &[String]) {
        let mut leaves = Vec::new();
        match find(&self.root, path) {
            Some(Place::Leaf(leaf)) if leaf.raw().is_some() => leaves.push(path.to_vec()),
            Some(Place::Branch(branch)) => {
                visit(branch, &mut path.to_vec(), &mut |names, leaf| {
                    if leaf.raw().is_some() {
                        leaves.push(names.to_vec());
                    }
                });
            }
            _ => {}
        }
        match find_mut(&mut self.root, path) {
            Some(Place::Leaf(leaf)) => {
                leaf.shown = Shown::Nothing;
                leaf.off = true;
            }
            Some(Place::Branch(branch)) => branch.clear(),
            None => {}
        }
        self.removed.push(Removed {
            path: path.to_vec(),
            leaves,
        });
        self.dirty = true;
    }

    /// The last value that was logged under `path`.
    pub(crate) fn last(&self, path: &[String]) -> Option<&str> {
        match find(&self.root, path) {
            Some(Place::Leaf(leaf)) if !leaf.last.is_empty() => Some(&leaf.last),
            _ => None,
        }
    }

    /// All that has changed since the last time. The order of updates and removals does not matter.
    pub(crate) fn take(&mut self) -> Option<SummaryRecord> {
        if !self.dirty {
            return None;
        }
        let mut out = SummaryRecord::default();
        let period = self.period;
        visit(&self.root, &mut Vec::new(), &mut |path, leaf| {
            if leaf.changed == period
                && let Some(raw) = leaf.raw()
            {
                out.update
                    .push(summary_item(path.to_vec(), raw.into_owned()));
            }
        });
        for removed in std::mem::take(&mut self.removed) {
            let gone = if self.shows(&removed.path) {
                removed.leaves
            } else {
                vec![removed.path]
            };
            let gone = gone.into_iter().filter(|path| !self.shows(path));
            out.remove
                .extend(gone.map(|path| summary_item(path, String::new())));
        }
        self.settle();
        (!out.update.is_empty() || !out.remove.is_empty()).then_some(out)
    }

    /// Forgets what has changed: it was told already.
    pub(crate) fn settle(&mut self) {
        self.period += 1;
        self.dirty = false;
        self.removed.clear();
    }

    /// Whether something is to be seen at `path`, above it or below.
    fn shows(&self, path: &[String]) -> bool {
        let mut branch = &self.root;
        for name in path {
            match branch.get(name) {
                None => return false,
                Some(Place::Leaf(leaf)) => return leaf.raw().is_some(),
                Some(Place::Branch(child)) => branch = child,
            }
        }
        let mut any = false;
        visit(branch, &mut Vec::new(), &mut |_, leaf| {
            any |= leaf.raw().is_some();
        });
        any
    }

    /// The whole summary.
    pub(crate) fn tree(&self) -> Tree {
        let mut out = Tree::new();
        visit(&self.root, &mut Vec::new(), &mut |path, leaf| {
            if let Some(raw) = leaf.raw() {
                out.set(path, raw);
            }
        });
        out
    }
}

/// The leaf at `path`, made where there is none; a leaf in the way becomes a branch, a branch a leaf.
fn leaf_at<'a>(branch: &'a mut Branch, path: &[String]) -> Option<&'a mut Leaf> {
    let (name, rest) = path.split_first()?;
    let index = match branch.get_index_of(name) {
        Some(index) => index,
        None => branch.insert_full(name.clone(), new_place(rest)).0,
    };
    let (_, place) = branch.get_index_mut(index)?;
    if rest.is_empty() != matches!(place, Place::Leaf(_)) {
        *place = new_place(rest);
    }
    match place {
        Place::Leaf(leaf) => Some(leaf),
        Place::Branch(child) => leaf_at(child, rest),
    }
}

fn new_place(rest: &[String]) -> Place {
    if rest.is_empty() {
        Place::Leaf(Box::default())
    } else {
        Place::Branch(Branch::new())
    }
}

fn find<'a>(branch: &'a Branch, path: &[String]) -> Option<&'a Place> {
    let (name, rest) = path.split_first()?;
    match branch.get(name)? {
        place if rest.is_empty() => Some(place),
        Place::Branch(child) => find(child, rest),
        Place::Leaf(_) => None,
    }
}

fn find_mut<'a>(branch: &'a mut Branch, path: &[String]) -> Option<&'a mut Place> {
    let (name, rest) = path.split_first()?;
    match branch.get_mut(name)? {
        place if rest.is_empty() => Some(place),
        Place::Branch(child) => find_mut(child, rest),
        Place::Leaf(_) => None,
    }
}

fn visit(branch: &Branch, path: &mut Vec<String>, each: &mut dyn FnMut(&[String], &Leaf)) {
    for (name, place) in branch {
        path.push(name.clone());
        match place {
            Place::Leaf(leaf) => each(path, leaf),
            Place::Branch(child) => visit(child, path, each),
        }
        path.pop();
    }
}
