//! The state of the rows, rebuilt from a journal.

use std::sync::Arc;

use wandbd_record::convert::{history_raw, seconds, summary_record};
use wandbd_record::note;
use wandbd_record::path;
use wandbd_record::v1::{self, Note};
use wandbd_record::wandb::{self, HistoryRecord, RunRecord, record::RecordType};

use crate::error::{Refused, ReplayError};
use crate::rows::Rows;
use crate::size;

/// How the header of our journals begins.
const PRODUCER: &str = "wandbd";

impl Rows {
    /// Takes over one record of a journal, in order from the first. In our own journals the summary is rebuilt from rows and
    /// explicit writes; in others it is taken from summary records.
    /// # Errors
    /// [`ReplayError`] when the note on it cannot be used; the record itself was.
    pub fn replay(&mut self, record: &wandb::Record) -> Result<(), ReplayError> {
        let note = note::note_of(record);
        let known = note.as_ref().ok().and_then(Option::as_ref);
        if let Some(kind) = &record.record_type {
            self.replay_kind(kind, known);
        }
        let said = note.map(|note| note.map(|note| self.replay_note(note)));
        self.summary.settle();
        // They lie where they belong, since the records that name them are durable.
        self.files.clear();
        said?.transpose()?;
        Ok(())
    }

    fn replay_kind(&mut self, kind: &RecordType, note: Option<&Note>) {
        match kind {
            RecordType::Header(header) => {
                let producer = header.version_info.as_ref().map(|info| &info.producer);
                self.ours = producer.is_some_and(|name| name.starts_with(PRODUCER));
            }
            RecordType::Run(run) => self.replay_run(run),
            RecordType::History(history) => self.replay_history(history, note),
            RecordType::Summary(summary) if !self.ours => self.apply_summary(summary),
            RecordType::Config(config) => self.apply_config(config),
            RecordType::Metric(metric) => self.metrics.define(metric),
            RecordType::Exit(exit) => self.exit(exit),
            RecordType::Summary(_)
            | RecordType::Files(_)
            | RecordType::Stats(_)
            | RecordType::Artifact(_)
            | RecordType::Alert(_)
            | RecordType::Telemetry(_)
            | RecordType::OutputRaw(_)
            | RecordType::OutputLogger(_)
            | RecordType::Final(_)
            | RecordType::Footer(_)
            | RecordType::Preempting(_)
            | RecordType::UseArtifact(_)
            | RecordType::Environment(_) => {}
        }
    }

    fn replay_run(&mut self, run: &RunRecord) {
        if self.run.is_none() {
            if let Some(start) = &run.start_time {
                self.start_time = seconds(start);
            }
            if let Some(config) = &run.config {
                self.apply_config(config);
            }
            if let Some(summary) = &run.summary {
                self.apply_summary(summary);
            }
            self.next = self.next.max(run.starting_step);
        }
        // Config and summary have records of their own from now on: repeating the first ones would undo these.
        self.run = Some(RunRecord {
            config: None,
            summary: None,
            ..run.clone()
        });
    }

    fn replay_history(&mut self, history: &HistoryRecord, note: Option<&Note>) {
        if self.shared.take().is_some() {
            self.joined.clear();
        }
        if let Some(note) = note
            && note.piece.as_ref().is_some_and(|piece| piece.close)
        {
            self.own.shift_remove(&note.session);
        }
        self.given |= note.is_some_and(|note| note.given_step);
        let step = history.step.map_or(self.next, |step| step.num);
        let leaves: Vec<_> = history
            .item
            .iter()
            .map(|item| {
                let names = path::of_item(&item.key, &item.nested_key);
                let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
                (names, history_raw(item).into_owned())
            })
            .collect();
        if self.ours {
            self.take_over(&leaves, step);
        } else {
            self.next = step.saturating_add(1);
            self.closed += 1;
        }
    }

    fn replay_note(&mut self, note: Note) -> Result<(), Refused> {
        if let Some(opened) = &note.opened {
            self.expect_word(opened.run.as_ref().unwrap_or(&v1::OpenRun::default()));
            self.line_limit = size::line_limit(opened);
        }
        if let Some(continuation) = &note.continues {
            self.take_continuation(continuation);
        }
        if let Some(update) = &note.run_update {
            self.remember(update);
        }
        if let Some(made) = &note.made {
            self.shelf.put(Arc::new(made.clone()));
        }
        if let Some(gap) = &note.gap {
            self.gap(gap);
        }
        if let Some(update) = &note.explicit_summary {
            self.apply_summary(&summary_record(update)?);
        }
        if note.session_end {
            self.own.shift_remove(&note.session);
            self.joined.remove(&note.session);
        }
        match note.piece {
            Some(piece) if !piece.close => {
                // What it closed stands before it in the journal.
                let mut already = Vec::new();
                self.log(&note.session, piece, &mut already)
            }
            _ => Ok(()),
        }
    }
}
