//! One record of a session to the records to journal.

use wandbd_record::convert::{
    alert_record, check_artifact, check_link, config_record, exit_record, files_record,
    metric_record, output_record, run_update, summary_record,
};
use wandbd_record::note;
use wandbd_record::v1::{self, Note, record::Kind};
use wandbd_record::wandb::{self, ConfigRecord, SummaryRecord, record::RecordType};
use wandbd_record::{Node, path};

use crate::error::Refused;
use crate::rows::Rows;
use crate::rows::open::{OpenRow, STEP_LIMIT, check_step};
use crate::size;

impl Rows {
    /// Takes one record of a session and appends what is to be journaled for it.
    /// # Errors
    /// [`Refused`] with the reason; nothing has changed then and `out` is as it was.
    pub fn apply(
        &mut self,
        session: &str,
        record: v1::Record,
        out: &mut Vec<wandb::Record>,
    ) -> Result<(), Refused> {
        if let Some(code) = self.ended {
            return Err(Refused::Ended(code));
        }
        match record.kind.ok_or(Refused::Unknown)? {
            Kind::Row(row) => {
                let left_open = (!row.close).then(|| row.clone());
                self.log(session, row, out)?;
                if let Some(piece) = left_open {
                    out.push(piece_carrier(session, piece));
                }
            }
            Kind::Output(output) => out.push(console_record(output)),
            Kind::Config(update) => {
                let ConfigRecord { update, remove } = config_record(&update)?;
                // Two records, because W&B's own tools remove last within one.
                for (update, remove) in [(Vec::new(), remove), (update, Vec::new())] {
                    let config = ConfigRecord { update, remove };
                    if config != ConfigRecord::default() {
                        self.apply_config(&config);
                        push(out, RecordType::Config(config));
                    }
                }
            }
            Kind::Summary(update) => self.write_summary(update, out)?,
            Kind::Metric(metric) => {
                let metric = metric_record(&metric)?;
                self.metrics.define(&metric);
                push(out, RecordType::Metric(metric));
            }
            Kind::Run(update) => self.update_run(update, out)?,
            Kind::Artifact(artifact) => {
                check_artifact(&artifact)?;
                carry(out, |note| note.artifact = Some(artifact));
            }
            Kind::Gap(gap) => {
                self.gap(&gap);
                carry(out, |note| note.gap = Some(gap));
            }
            Kind::Save(save) => push(out, RecordType::Files(files_record(&save)?)),
            Kind::Alert(alert) => push(out, RecordType::Alert(alert_record(alert))),
            Kind::Preempting(_) => {
                push(
                    out,
                    RecordType::Preempting(wandb::RunPreemptingRecord::default()),
                );
            }
            Kind::Link(link) => {
                check_link(&link)?;
                carry(out, |note| note.link = Some(link));
            }
            Kind::EventFiles(files) => carry(out, |note| note.event_files = Some(files)),
            // They come as what was made of them: `Rows::learn`.
            Kind::Media(_) | Kind::TableRows(_) => return Err(Refused::Unknown),
            Kind::Exit(exit) => carry(out, |note| note.exit = Some(exit)),
        }
        Ok(())
    }

    /// The session is gone: its own row closes. The row of a step stays open for the others.
    pub fn end_session(&mut self, session: &str, out: &mut Vec<wandb::Record>) {
        if let Some(row) = self.own.get(session) {
            let at = row.timestamp;
            self.close_own(session, at, out);
        }
        self.joined.remove(session);
        out.push(note::carrier(Note {
            session: session.to_owned(),
            session_end: true,
            ..Note::default()
        }));
    }

    /// All open rows close, then comes the exit record. `at` is in Unix seconds. A second end does nothing.
    pub fn end_run(&mut self, exit_code: i32, at: f64, out: &mut Vec<wandb::Record>) {
        if self.ended.is_some() {
            return;
        }
        self.close_shared(at, out);
        while let Some(session) = self.own.keys().next().cloned() {
            self.close_own(&session, at, out);
        }
        let exit = exit_record(exit_code, self.whole_runtime(at));
        self.exit(&exit);
        push(out, RecordType::Exit(exit));
    }

    pub(super) fn exit(&mut self, exit: &wandb::RunExitRecord) {
        self.ended = Some(exit.exit_code);
        self.summary_runtime(exit.runtime);
    }

    /// One call of `log`: to the row it belongs to, closing what it ends.
    pub(super) fn log(
        &mut self,
        session: &str,
        row: v1::Row,
        out: &mut Vec<wandb::Record>,
    ) -> Result<(), Refused> {
        let (at, close) = (row.timestamp, row.close);
        if let Some(step) = row.step {
            check_step(step, self.next)?;
            let call = OpenRow::of_call(row)?;
            self.given = true;
            self.log_at(session, step, call, close, out);
            return Ok(());
        }
        let mut call = OpenRow::of_call(row)?;
        if self.joined.contains(session)
            && let Some(shared) = &mut self.shared
        {
            call.pieces = !close;
            shared.merge(call);
            if close {
                self.close_shared(at, out);
            }
        } else if close && !self.own.contains_key(session) {
            self.close_shared(at, out);
            self.emit(call, at, None, out);
        } else {
            call.pieces = !close;
            self.own.entry(session.to_owned()).or_default().merge(call);
            if close {
                self.close_own(session, at, out);
            }
        }
        Ok(())
    }

    /// One call of `log` with a step, which is not below the run's.
    fn log_at(
        &mut self,
        session: &str,
        step: i64,
        mut call: OpenRow,
        close: bool,
        out: &mut Vec<wandb::Record>,
    ) {
        let at = call.timestamp;
        if step > self.next {
            self.close_shared(at, out);
            if step > self.next && self.own.contains_key(session) {
                self.close_own(session, at, out);
            }
            self.next = step;
        }
        call.pieces = !close;
        let own = self.own.shift_remove(session);
        let owned = own.as_ref().is_some_and(|own| own.pieces);
        if close && self.shared.is_none() {
            let mut row = own.unwrap_or_default();
            row.merge(call);
            self.emit(row, at, owned.then_some(session), out);
            return;
        }
        let shared = self.shared.get_or_insert_default();
        if let Some(own) = own {
            shared.merge(own);
        }
        shared.merge(call);
        self.joined.insert(session.to_owned());
        if close {
            self.close_shared_for(owned.then_some(session), at, out);
        }
    }

    fn write_summary(
        &mut self,
        mut update: v1::SummaryUpdate,
        out: &mut Vec<wandb::Record>,
    ) -> Result<(), Refused> {
        let mut told = Vec::new();
        self.fill_summary(&mut update, out);
        let limit = self.line_limit;
        update
            .update
            .retain(|field| size::fits(field, limit, &mut told));
        self.warn(told);
        let summary = summary_record(&update)?;
        self.apply_summary(&summary);
        out.push(note::carrier(Note {
            explicit_summary: Some(update),
            ..Note::default()
        }));
        Ok(())
    }

    pub(super) fn apply_summary(&mut self, summary: &SummaryRecord) {
        let names = |key: &str, nested: &[String]| -> Vec<String> {
            path::of_item(key, nested)
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        for item in &summary.remove {
            self.summary.remove(&names(&item.key, &item.nested_key));
        }
        for item in &summary.update {
            let path = names(&item.key, &item.nested_key);
            if let Ok(node) = Node::parse(&item.value_json) {
                self.summary.write(&path, node);
            }
        }
    }

    fn update_run(
        &mut self,
        update: v1::RunUpdate,
        out: &mut Vec<wandb::Record>,
    ) -> Result<(), Refused> {
        let run = self.run.as_mut().ok_or(Refused::NotOpened)?;
        run_update(run, &update);
        let mut record = note::record(RecordType::Run(run.clone()));
        self.remember(&update);
        note::set_note(
            &mut record,
            Note {
                run_update: Some(update),
                ..Note::default()
            },
        );
        out.push(record);
        Ok(())
    }

    /// Keeps what was changed of the run's parameters.
    pub(super) fn remember(&mut self, update: &v1::RunUpdate) {
        fn take<T: Clone>(mine: &mut Option<T>, theirs: Option<&T>) {
            if let Some(theirs) = theirs {
                *mine = Some(theirs.clone());
            }
        }
        let mine = &mut self.updates;
        take(&mut mine.display_name, update.display_name.as_ref());
        take(&mut mine.notes, update.notes.as_ref());
        take(&mut mine.tags, update.tags.as_ref());
        take(&mut mine.group, update.group.as_ref());
        take(&mut mine.job_type, update.job_type.as_ref());
    }

    /// Rows that a client had to drop keep their numbers: what comes later is where the client thinks it is.
    pub(super) fn gap(&mut self, gap: &v1::Gap) {
        self.dropped += gap.rows;
        let after = gap.last_step.saturating_add(1);
        if self.shared.is_none() && after < STEP_LIMIT {
            self.next = self.next.max(after);
        }
    }
}

fn push(out: &mut Vec<wandb::Record>, kind: RecordType) {
    out.push(note::record(kind));
}

/// A note without a record.
fn carry(out: &mut Vec<wandb::Record>, say: impl FnOnce(&mut Note)) {
    let mut note = Note::default();
    say(&mut note);
    out.push(note::carrier(note));
}

fn console_record(output: v1::Output) -> wandb::Record {
    if output.stream() != v1::output::Stream::Logs {
        return note::record(RecordType::OutputRaw(output_record(&output)));
    }
    let logger = wandb::OutputLoggerRecord { line: output.text };
    let mut record = note::record(RecordType::OutputLogger(logger));
    note::set_note(
        &mut record,
        Note {
            timestamp: output.timestamp,
            ..Note::default()
        },
    );
    record
}

fn piece_carrier(session: &str, piece: v1::Row) -> wandb::Record {
    note::carrier(Note {
        session: session.to_owned(),
        piece: Some(piece),
        ..Note::default()
    })
}
