//! Going on with a run that the server has already.
//!
//! A run is taken in before the server has said where it stands. Rows that close until then are numbered from 0, and [`crate::Lines`] moves
//! them to where they belong; but a step that the user gave is the user's, and so are those after it: these say so in their note
//! (`given_step`). When the server has answered, a note (`continues`) says from which number on the rows carry the server's.

use wandbd_record::note;
use wandbd_record::v1::{Continuation, Note, OpenRun};
use wandbd_record::{Tree, wandb};

use crate::opened::Opened;
use crate::rows::Rows;

impl Rows {
    /// The server has opened the run: the next row gets the number that it has there, times go on, and reads show what the run had.
    /// Appends what is to be journaled. Only the first time counts.
    pub fn go_on(&mut self, opened: &Opened, out: &mut Vec<wandb::Record>) {
        if self.continued || self.ended.is_some() {
            return;
        }
        if !opened.continues() {
            self.awaits = false;
            return;
        }
        let step = if self.given {
            self.close_below(opened.step_base, out);
            self.next.max(opened.step_base)
        } else {
            self.next.saturating_add(opened.step_base)
        };
        let continuation = Continuation {
            step,
            runtime: opened.runtime_base,
            summary_json: opened.inherited_summary.clone(),
            config_json: opened.inherited_config.clone(),
        };
        self.take_continuation(&continuation);
        out.push(note::carrier(Note {
            continues: Some(continuation),
            ..Note::default()
        }));
    }

    /// A row of a step that the server is past of closes: nobody could add to it any more.
    fn close_below(&mut self, base: i64, out: &mut Vec<wandb::Record>) {
        if self.next >= base {
            return;
        }
        let Some(at) = self.shared.as_ref().map(|row| row.timestamp) else {
            return;
        };
        let mut closed = Vec::new();
        self.close_shared(at, &mut closed);
        out.extend(self.take_summary());
        out.append(&mut closed);
    }

    pub(super) fn take_continuation(&mut self, note: &Continuation) {
        self.continued = true;
        self.awaits = false;
        self.next = note.step;
        self.runtime_base = note.runtime;
        self.summary
            .inherit(&Tree::parse_object(&note.summary_json).unwrap_or_default());
        let config = Tree::parse_object(&note.config_json).unwrap_or_default();
        for (name, node) in config.iter() {
            if self.config.get(&[name]).is_none() {
                self.config.set_node(&[name], node.clone());
            }
        }
    }

    /// Whether the server may have this run already.
    pub(super) fn expect_word(&mut self, open: &OpenRun) {
        let asked =
            !open.resume.is_empty() || open.fork_from.is_some() || open.resume_from.is_some();
        self.awaits = asked && !self.continued;
    }

    /// Whether the number of the row that closes now must not be moved.
    pub(super) fn is_given(&self) -> bool {
        self.awaits && self.given
    }
}
