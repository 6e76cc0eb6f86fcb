//! The summary before the journal: what each leaf shows, and what of it has changed.

mod leaf;
mod places;

use wandbd_record::convert::summary_item;
use wandbd_record::wandb::SummaryRecord;
use wandbd_record::{Node, Tree};

use crate::metrics::Metrics;
use crate::summary::leaf::Shown;
use crate::summary::places::{Branch, Place, find, find_mut, leaf_at, shown_in, shown_of, visit};

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
        if raw == "null" {
            return; // as in W&B: a row may say "nothing", a summary keeps what it had
        }
        let period = self.period;
        let mut displaced = None;
        let Some(leaf) = leaf_at(&mut self.root, path, &mut displaced) else {
            return;
        };
        let shown = !matches!(leaf.shown, Shown::Nothing);
        let mut before = Vec::new();
        if leaf.may_reshape(metrics) {
            before = shown_of(leaf, path);
        }
        leaf.log(metrics, path, raw);
        leaf.changed = period;
        let hidden = shown && matches!(leaf.shown, Shown::Nothing);
        self.dirty = true;
        if hidden || !before.is_empty() {
            self.gone(path, before);
        }
        self.gone_with(path, displaced);
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
        let mut displaced = None;
        if let Some(leaf) = leaf_at(&mut self.root, path, &mut displaced) {
            let before = shown_of(leaf, path);
            leaf.shown = Shown::Written(raw);
            leaf.off = true;
            leaf.changed = period;
            self.dirty = true;
            if before.len() > 1 {
                self.gone(path, before);
            }
        }
        self.gone_with(path, displaced);
    }

    /// What stood in the way of a leaf at `path` is no longer there.
    fn gone_with(&mut self, path: &[String], displaced: Option<(usize, Place)>) {
        if let Some((names, place)) = displaced {
            let path = path.get(..names).unwrap_or(path);
            self.gone(path, shown_in(&place, path));
        }
    }

    fn gone(&mut self, path: &[String], leaves: Vec<Vec<String>>) {
        self.removed.push(Removed {
            path: path.to_vec(),
            leaves,
        });
    }

    /// Takes out a leaf or a subtree. A leaf stays known, so that its aggregation stays off.
    pub(crate) fn remove(&mut self, path: &[String]) {
        let leaves = find(&self.root, path).map_or(Vec::new(), |place| shown_in(place, path));
        match find_mut(&mut self.root, path) {
            Some(Place::Leaf(leaf)) => {
                leaf.shown = Shown::Nothing;
                leaf.off = true;
            }
            Some(Place::Branch(branch)) => branch.clear(),
            None => {}
        }
        self.gone(path, leaves);
        self.dirty = true;
    }

    /// What the run had on the server: shown until something else is, and known as the last values. It is no change to be told.
    pub(crate) fn inherit(&mut self, tree: &Tree) {
        for (names, raw) in tree.leaves() {
            let path: Vec<String> = names.into_iter().map(str::to_owned).collect();
            if find(&self.root, &path).is_some() || self.is_below_a_leaf(&path) {
                continue;
            }
            let mut displaced = None;
            if let Some(leaf) = leaf_at(&mut self.root, &path, &mut displaced) {
                leaf.last.push_str(raw);
                leaf.shown = Shown::Last;
                leaf.changed = u64::MAX;
            }
        }
    }

    fn is_below_a_leaf(&self, path: &[String]) -> bool {
        (1..path.len()).any(|names| {
            let above = path.get(..names).unwrap_or_default();
            matches!(find(&self.root, above), Some(Place::Leaf(_)))
        })
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
