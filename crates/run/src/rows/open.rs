//! A row that is still open, and what one call adds to it.

use wandbd_record::convert::node_of_field;
use wandbd_record::{Node, Tree};
use wandbd_record::{path, v1};

use crate::error::Refused;
use crate::rows::media;

/// Steps lie below this: 2^53.
pub(crate) const STEP_LIMIT: i64 = 9_007_199_254_740_992;

/// How many leaves every row gets when it closes.
const ADDED: usize = 3;

/// Leaves that came so far.
#[derive(Debug, Default)]
pub(crate) struct OpenRow {
    pub(crate) leaves: Tree,
    /// Unix seconds of the last call that added to it.
    pub(crate) timestamp: f64,
    /// Parts of it are in the journal.
    pub(crate) pieces: bool,
}

impl OpenRow {
    /// What one call says, checked.
    pub(crate) fn of_call(row: v1::Row) -> Result<Self, Refused> {
        if !row.timestamp.is_finite() {
            return Err(Refused::Time);
        }
        let mut leaves = Tree::with_capacity(row.field.len() + ADDED);
        for field in row.field {
            let mut node = node_of_field(&field)?;
            if let Some(v1::field::Value::Template(template)) = &field.value {
                node = media::leaf(template);
            }
            if matches!(&node, Node::Tree(tree) if tree.is_empty()) {
                path::check(&path::of_field(&field))?;
                continue; // an object without leaves says nothing
            }
            if field.nested.is_empty() {
                leaves.merge_top(field.key, node);
            } else {
                leaves.merge_node(&path::of_field(&field), node);
            }
        }
        Ok(Self {
            leaves,
            timestamp: row.timestamp,
            pieces: false,
        })
    }

    /// Adds what came later, leaf by leaf.
    pub(crate) fn merge(&mut self, later: Self) {
        if self.leaves.is_empty() {
            self.leaves = later.leaves;
        } else {
            self.leaves.merge(later.leaves);
        }
        self.timestamp = later.timestamp;
        self.pieces |= later.pieces;
    }
}

/// Checks the step of a call against the run's.
pub(crate) fn check_step(step: i64, next: i64) -> Result<(), Refused> {
    if !(-STEP_LIMIT..STEP_LIMIT).contains(&step) {
        return Err(Refused::StepRange(step));
    }
    if step < next {
        return Err(Refused::Backward { step, next });
    }
    Ok(())
}
