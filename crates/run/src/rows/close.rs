//! Closing a row: step metrics, the keys that W&B adds, the summary, the record.

use wandbd_record::convert::{history_item, history_record};
use wandbd_record::json::{f64_text, number};
use wandbd_record::note;
use wandbd_record::v1::{self, Note};
use wandbd_record::wandb::{self, record::RecordType};
use wandbd_record::{Node, Tree};

use crate::rows::Rows;
use crate::rows::open::OpenRow;
use crate::size;

const STEP: [&str; 1] = ["_step"];
const TIMESTAMP: [&str; 1] = ["_timestamp"];
const RUNTIME: [&str; 1] = ["_runtime"];

impl Rows {
    /// Closes the row of the current step, if one is open.
    pub(super) fn close_shared(&mut self, at: f64, out: &mut Vec<wandb::Record>) {
        self.close_shared_for(None, at, out);
    }

    /// The same, for a call that has put the own row of `owner` in it.
    pub(super) fn close_shared_for(
        &mut self,
        owner: Option<&str>,
        at: f64,
        out: &mut Vec<wandb::Record>,
    ) {
        if let Some(row) = self.shared.take() {
            self.joined.clear();
            self.emit(row, at, owner, out);
        }
    }

    /// Closes a session's own row, if one is open. The row of a step goes first: its number is lower.
    pub(super) fn close_own(&mut self, session: &str, at: f64, out: &mut Vec<wandb::Record>) {
        self.close_shared(at, out);
        if let Some(row) = self.own.shift_remove(session) {
            let owner = row.pieces.then_some(session);
            self.emit(row, at, owner, out);
        }
    }

    /// Gives the row the next number and appends its record. `owner`: whose own row with journaled pieces ends here.
    pub(super) fn emit(
        &mut self,
        mut row: OpenRow,
        at: f64,
        owner: Option<&str>,
        out: &mut Vec<wandb::Record>,
    ) {
        let step = self.next;
        self.fill(&mut row.leaves, step, out);
        self.sync_steps(&mut row.leaves);
        let given =
            matches!(row.leaves.get(&TIMESTAMP), Some(Node::Leaf(raw)) if number(raw).is_some());
        if !given {
            row.leaves.set(&TIMESTAMP, f64_text(row.timestamp));
        }
        row.leaves.set(&RUNTIME, f64_text(self.runtime(at)));
        row.leaves.set(&STEP, step.to_string());
        if row.leaves.json_len() > self.line_limit {
            let told = size::trim(&mut row.leaves, &format!("row {step}"), self.line_limit);
            self.warn(told);
        }
        let mut leaves = row.leaves.into_leaves();
        // What is left of an object when its leaves were left out, or never were.
        leaves.retain(|(_, raw)| raw != "{}");
        for (path, raw) in &leaves {
            self.summary.log(&self.metrics, path, raw);
        }
        self.summary_wandb_runtime(self.whole_runtime(at));
        let items = leaves
            .into_iter()
            .map(|(path, raw)| history_item(path, raw))
            .collect();
        let mut record = note::record(RecordType::History(history_record(items, step)));
        let given_step = self.is_given();
        if owner.is_some() || given_step {
            let note = owner.map(end_of_pieces).unwrap_or_default();
            note::set_note(&mut record, Note { given_step, ..note });
        }
        out.push(record);
        self.next = step + 1;
        self.closed += 1;
    }

    /// Puts step metrics in a row that lacks them: the last known value, 0 if there is none.
    fn sync_steps(&self, row: &mut Tree) {
        if !self.metrics.any_sync() {
            return;
        }
        let mut missing: Vec<Vec<String>> = Vec::new();
        for (path, _) in row.leaves() {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let rule = self.metrics.rule(&path);
            if let Some(step) = rule.as_ref().and_then(|rule| rule.sync.as_ref())
                && row.get(step).is_none()
                && !missing.contains(step)
            {
                missing.push(step.clone());
            }
        }
        for step in missing {
            let value = self.summary.last(&step).unwrap_or("0").to_owned();
            row.set(&step, value);
        }
    }

    fn runtime(&self, at: f64) -> f64 {
        (at - self.start_time).max(0.0) + self.runtime_base
    }

    /// Whole seconds since the run began.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, which is what is wanted here"
    )]
    pub(super) fn whole_runtime(&self, at: f64) -> i32 {
        self.runtime(at) as i32
    }

    /// Sets `_wandb.runtime` of the summary: whole seconds. `_runtime` itself comes with the row.
    fn summary_wandb_runtime(&mut self, seconds: i32) {
        let path = ["_wandb".to_owned(), "runtime".to_owned()];
        self.summary.log(&self.metrics, &path, &seconds.to_string());
    }

    /// At the end of the run both are whole seconds.
    pub(super) fn summary_runtime(&mut self, seconds: i32) {
        self.summary_wandb_runtime(seconds);
        let path = ["_runtime".to_owned()];
        self.summary.log(&self.metrics, &path, &seconds.to_string());
    }

    /// A closed row from the journal: the same effects, without a record.
    pub(super) fn take_over(&mut self, leaves: &[(Vec<String>, String)], step: i64) {
        for (path, raw) in leaves {
            self.summary.log(&self.metrics, path, raw);
        }
        let runtime = self.summary.last(&["_runtime".to_owned()]).map_or(0, whole);
        self.summary_wandb_runtime(runtime);
        self.next = step.saturating_add(1);
        self.closed += 1;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted here"
)]
fn whole(raw: &str) -> i32 {
    number(raw).unwrap_or(0.0).max(0.0) as i32
}

/// The note that tells readers of the journal: the pieces of this session's own row are in this record.
fn end_of_pieces(session: &str) -> Note {
    Note {
        session: session.to_owned(),
        piece: Some(v1::Row {
            close: true,
            ..v1::Row::default()
        }),
        ..Note::default()
    }
}
