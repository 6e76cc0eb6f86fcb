//! Calls to closed rows: the half before the journal.
//!
//! A row is open between the first call that names it and the one that closes it. There are two kinds:
//!
//! - the row of a *step* belongs to the run: whoever names that step adds to it. It closes when anyone commits it or any row with
//!   a higher step, or when the run ends.
//! - a session's *own* row collects its calls without a step. It gets the run's next number when it closes, also when its
//!   session ends.
//!
//! A session that has added to the row of the current step is part of it: its next calls without a step go there too. With one
//! session there is so never more than one open row, and the rules are W&B's.
//!
//! A call that leaves a row open is journaled as it came, as a *piece* in a note, so that a kill loses nothing; when the row
//! closes, one complete history record follows and the pieces are dead weight. A history record that ends a session's own row
//! with pieces says so in its note (`session`, and a `piece` with `close`).

mod apply;
mod close;
mod continuation;
mod media;
mod open;
mod replay;

use indexmap::IndexMap;
use std::collections::HashSet;

use wandbd_record::convert::{seconds, timestamp};
use wandbd_record::made::Linked;
use wandbd_record::note;
use wandbd_record::v1;
use wandbd_record::wandb::{self, RunRecord, record::RecordType};
use wandbd_record::{Node, Tree};

use crate::metrics::Metrics;
use crate::rows::open::OpenRow;
use crate::shelf::Shelf;
use crate::size::MAX_LINE_BYTES;
use crate::summary::Summary;

/// Warnings that are kept until they are taken; more are dropped.
const MAX_WARNINGS: usize = 100;

/// The state of a run's rows. What it appends to `out` is to be journaled in that order; a *group* of records that is journaled
/// together begins with what [`Rows::take_summary`] gives after the last of its calls.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each from another record"
)]
pub struct Rows {
    start_time: f64,
    next: i64,
    shared: Option<OpenRow>,
    /// Sessions that are part of the shared row.
    joined: HashSet<String>,
    own: IndexMap<String, OpenRow>,
    metrics: Metrics,
    summary: Summary,
    config: Tree,
    run: Option<RunRecord>,
    /// What was changed of it since, each field as it was changed last.
    updates: v1::RunUpdate,
    /// Seconds that earlier parts of the run took.
    runtime_base: f64,
    /// A step was given by the user.
    given: bool,
    /// The server may have the run already, and has not said so yet.
    awaits: bool,
    /// The server has said where the run goes on.
    continued: bool,
    closed: u64,
    dropped: u64,
    ended: Option<i32>,
    warnings: Vec<String>,
    /// The journal being replayed was written by wandbd.
    ours: bool,
    /// What came of the run's media.
    shelf: Shelf,
    /// Files of media that closed rows name.
    files: Vec<Linked>,
    /// The longest line that the server takes.
    line_limit: usize,
}

impl Rows {
    /// The rows of a run that began at `start_time` (Unix seconds). Replay the run's own record next ([`Rows::replay`]), whether
    /// the run is new or adopted: it brings config and parameters.
    pub fn new(start_time: f64) -> Self {
        Self {
            start_time: seconds(&timestamp(start_time)),
            ours: true,
            line_limit: MAX_LINE_BYTES,
            ..Self::default()
        }
    }

    /// The number that the run's next row will get, or that an open row of a step has.
    pub fn next_step(&self) -> i64 {
        self.next
    }

    /// Rows that were closed.
    pub fn rows(&self) -> u64 {
        self.closed
    }

    /// Rows that clients had to drop before the journal, as they said.
    pub fn dropped_rows(&self) -> u64 {
        self.dropped
    }

    /// The exit code, once the run has ended.
    pub fn ended(&self) -> Option<i32> {
        self.ended
    }

    /// The summary as extended JSON.
    pub fn summary_json(&self) -> String {
        self.summary.tree().to_json()
    }

    /// The config as strict JSON, as plain values: the user's own.
    pub fn config_json(&self) -> String {
        let mut config = self.config.clone();
        config.remove(&["_wandb"]);
        config.to_strict_json()
    }

    /// What was changed of the run's parameters since it was opened.
    pub fn updates(&self) -> &v1::RunUpdate {
        &self.updates
    }

    /// Summary changes since the last take, as one record. It goes before the records of its group.
    pub fn take_summary(&mut self) -> Option<wandb::Record> {
        let given = self.is_given();
        self.summary.take().map(|summary| {
            let mut record = note::record(RecordType::Summary(summary));
            if given {
                note::set_note(&mut record, given_step());
            }
            record
        })
    }

    /// What users should be told, once each: values that were left out of rows.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn warn(&mut self, told: Vec<String>) {
        let room = MAX_WARNINGS.saturating_sub(self.warnings.len());
        self.warnings.extend(told.into_iter().take(room));
    }

    fn apply_config(&mut self, config: &wandb::ConfigRecord) {
        for item in &config.update {
            let path = wandbd_record::path::of_item(&item.key, &item.nested_key);
            let node =
                Node::parse(&item.value_json).unwrap_or_else(|_| Node::Leaf("null".to_owned()));
            self.config.merge_node(&path, node);
        }
        // As W&B does it: removal is last.
        for item in &config.remove {
            self.config
                .remove(&wandbd_record::path::of_item(&item.key, &item.nested_key));
        }
    }
}

/// The note on a row whose number is not to be moved, and on the summary after it.
fn given_step() -> v1::Note {
    v1::Note {
        given_step: true,
        ..v1::Note::default()
    }
}

#[cfg(test)]
mod tests;
