//! Journal records to the lines and files of a run: the half after the journal.

use wandbd_record::v1;
use wandbd_record::wandb::{
    OutputRawRecord, Record, RunRecord, StatsRecord, SummaryRecord, record::RecordType,
};
use wandbd_record::{Node, Tree, note, path};

use crate::batch::{Batch, FileItem};
use crate::config::Config;
use crate::console::{Console, Shown, post_text};
use crate::error::LineError;
use crate::opened::Opened;
use crate::params::RunParams;
use crate::size::{self, MAX_LINE_BYTES};
use crate::{events, history};

/// Room for what surrounds a line in a post's body: quotes and a comma.
const LINE_OVERHEAD: usize = 3;

/// How many lines the journal has given so far, without the bases of [`Opened`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines of `wandb-history.jsonl`.
    pub history: u64,
    /// Lines of `wandb-events.jsonl`.
    pub events: u64,
    /// Lines of `output.log`.
    pub console: u64,
}

/// A run as its destination sees it. Each line is a function of the records so far and of [`Opened`] alone.
#[derive(Debug)]
pub struct Lines {
    opened: Opened,
    params: RunParams,
    begun: bool,
    config: Config,
    summary: Tree,
    console: Console,
    counts: Counts,
    exit: Option<i32>,
    /// The longest line that the server takes.
    line_limit: usize,
    shift: Shift,
}

/// What is added to steps and run times of rows and summaries: they were recorded before the server said where the run stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shift {
    pub(crate) step: i64,
    pub(crate) runtime: f64,
}

impl Shift {
    fn is_nothing(self) -> bool {
        self.step == 0 && self.runtime == 0.0
    }
}

impl Lines {
    /// A run of which no record was seen yet. To be made again from the same block after a restart.
    pub fn new(opened: &Opened) -> Self {
        Self {
            opened: opened.clone(),
            params: RunParams::default(),
            begun: false,
            config: Config::inherit(&opened.inherited_config),
            summary: Tree::parse_object(&opened.inherited_summary).unwrap_or_default(),
            console: Console::default(),
            counts: Counts::default(),
            exit: None,
            line_limit: MAX_LINE_BYTES,
            shift: Shift {
                step: opened.step_base,
                runtime: opened.runtime_base,
            },
        }
    }

    /// Takes the next record of the journal and adds what follows from it to `batch`.
    /// # Errors
    /// [`LineError`] for the first part of it that cannot be read. All other parts were used: log it and go on.
    pub fn apply(&mut self, record: &Record, batch: &mut Batch) -> Result<(), LineError> {
        let num = record.num;
        let mut fault = None;
        let shift = self.shift_of(record);
        match &record.record_type {
            Some(RecordType::Run(run)) => self.run_record(run, record, batch, &mut fault),
            Some(RecordType::History(row)) => {
                let line = history::line(row, num, shift, &mut fault);
                batch.bytes += line.len() + LINE_OVERHEAD;
                batch.history.push(line);
                self.counts.history += 1;
            }
            Some(RecordType::Summary(summary)) => {
                self.summary_record(summary, num, shift, &mut fault);
                batch.summary = true;
            }
            Some(RecordType::Config(config)) => {
                self.config.apply(config, num, &mut fault);
                batch.config = true;
            }
            Some(RecordType::Metric(metric)) => {
                self.config.metrics.define(metric);
                batch.config = true;
            }
            Some(RecordType::Telemetry(telemetry)) => {
                batch.config |= self.config.telemetry(telemetry);
            }
            Some(RecordType::Environment(environment)) => {
                if self.config.environment(environment, &self.opened.email) {
                    batch.params |= self.params.environment(environment);
                    batch.metadata = true;
                    batch.config = true;
                }
            }
            Some(RecordType::Stats(stats)) => self.stats(stats, batch),
            Some(RecordType::OutputRaw(output)) => self.output(output, batch),
            Some(RecordType::OutputLogger(_)) => self.log_output(record, batch),
            Some(RecordType::Files(files)) => {
                batch.files.extend(files.files.iter().map(FileItem::of));
            }
            Some(RecordType::Artifact(artifact)) => batch.artifacts.push(artifact.clone()),
            Some(RecordType::Preempting(_)) => batch.preempting = true,
            Some(RecordType::Exit(exit)) => {
                self.exit = Some(exit.exit_code);
                batch.exit = self.exit;
            }
            None
            | Some(
                RecordType::Header(_)
                | RecordType::Footer(_)
                | RecordType::Final(_)
                | RecordType::Alert(_)
                | RecordType::UseArtifact(_),
            ) => {}
        }
        fault.map_or(Ok(()), Err)
    }

    /// The config in W&B's wire form, as strict JSON: `{"lr": {"value": 0.1}, "_wandb": {"value": {"t": ..., "m": ...}}}`.
    pub fn config_json(&self) -> String {
        let writer = match self.opened.run_id.as_str() {
            "" => &self.params.run_id,
            id => id,
        };
        self.config.to_json(writer)
    }

    /// The config as plain values.
    pub fn config_tree(&self) -> &Tree {
        self.config.tree()
    }

    /// The summary as extended JSON, short enough for one line: values that are too large are left out.
    pub fn summary_json(&self) -> String {
        let text = self.summary.to_json();
        if text.len() <= self.line_limit {
            return text;
        }
        let mut trimmed = self.summary.clone();
        size::trim(&mut trimmed, "summary", self.line_limit);
        trimmed.to_json()
    }

    /// `wandb-metadata.json`, once program and machine are known.
    pub fn metadata_json(&self) -> Option<String> {
        self.config.metadata_json()
    }

    /// The run's own parameters, with all changes so far.
    pub fn run(&self) -> &RunParams {
        &self.params
    }

    /// Whether the record that opens the run was seen.
    pub fn begun(&self) -> bool {
        self.begun
    }

    /// The exit code, once the exit record was seen.
    pub fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// How many lines there are so far, without the bases of [`Opened`].
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is to be added to the numbers of a record. A note says from where on nothing is.
    fn shift_of(&mut self, record: &Record) -> Shift {
        if self.shift.is_nothing() || record.wandbd.is_empty() {
            return self.shift;
        }
        let note = note::note_of(record).ok().flatten().unwrap_or_default();
        if note.continues.is_some() {
            self.shift = Shift::default();
        }
        Shift {
            step: if note.given_step { 0 } else { self.shift.step },
            ..self.shift
        }
    }

    fn run_record(
        &mut self,
        run: &RunRecord,
        record: &Record,
        batch: &mut Batch,
        fault: &mut Option<LineError>,
    ) {
        let num = record.num;
        let first = !self.begun;
        self.begun = true;
        let note = note::note_of(record).ok().flatten().unwrap_or_default();
        if let Some(opened) = &note.opened {
            self.line_limit = size::line_limit(opened);
        }
        let said = note.opened.as_ref().and_then(|opened| opened.run.as_ref());
        if let (None, Some(label)) = (&self.opened.label, said.and_then(label_of)) {
            self.opened.label = Some(label.to_owned());
        }
        batch.params |= match &note.run_update {
            Some(update) => self.params.update(update),
            None if first => self.params.open(run, &self.opened),
            None => self.params.apply(run),
        };
        if let Some(telemetry) = &run.telemetry {
            batch.config |= self.config.telemetry(telemetry);
        }
        if !first {
            return;
        }
        if let Some(config) = &run.config {
            self.config.open(config, num, fault);
        }
        batch.config = true;
        if let Some(summary) = &run.summary {
            self.summary_record(summary, num, self.shift, fault);
        }
        batch.summary |= !self.summary.is_empty();
    }

    fn summary_record(
        &mut self,
        summary: &SummaryRecord,
        num: i64,
        shift: Shift,
        fault: &mut Option<LineError>,
    ) {
        for item in &summary.remove {
            self.summary
                .remove(&path::of_item(&item.key, &item.nested_key));
        }
        for item in &summary.update {
            let names = path::of_item(&item.key, &item.nested_key);
            if let Err(source) = path::check(&names) {
                fault.get_or_insert(LineError::Name { num, source });
                continue;
            }
            match Node::parse(&item.value_json) {
                Ok(node) => self.summary.set_node(&names, shifted(&names, node, shift)),
                Err(source) => {
                    let name = names.join(".");
                    fault.get_or_insert(LineError::Value { num, name, source });
                }
            }
        }
    }

    fn stats(&mut self, stats: &StatsRecord, batch: &mut Batch) {
        if let Some(line) = events::line(stats, self.params.start_time, &self.opened)
            && line.len() <= self.line_limit
        {
            batch.bytes += line.len() + LINE_OVERHEAD;
            batch.events.push(line);
            self.counts.events += 1;
        }
    }

    fn output(&mut self, output: &OutputRawRecord, batch: &mut Batch) {
        let opened = &self.opened;
        self.console
            .write(output, &mut |line| show(&line, opened, batch));
        self.counts.console = self.console.lines();
    }

    fn log_output(&mut self, output: &Record, batch: &mut Batch) {
        let opened = &self.opened;
        self.console
            .log(output, &mut |line| show(&line, opened, batch));
        self.counts.console = self.console.lines();
    }
}

/// The name of this writer among several.
fn label_of(open: &v1::OpenRun) -> Option<&str> {
    let shared = open.shared.as_ref().map(|shared| shared.label.as_str());
    let stats = open.stats.as_ref().map(|stats| stats.label.as_str());
    [shared, stats]
        .into_iter()
        .flatten()
        .find(|label| !label.is_empty())
}

/// Step and run time count from where the destination's run was.
fn shifted(names: &[&str], node: Node, shift: Shift) -> Node {
    let name = match names {
        ["_wandb", "runtime"] => "_runtime",
        [only] => only,
        _ => return node,
    };
    match node {
        Node::Leaf(raw) => Node::Leaf(history::shifted(name, &raw, shift).unwrap_or(raw)),
        tree @ Node::Tree(_) => tree,
    }
}

fn show(line: &Shown, opened: &Opened, batch: &mut Batch) {
    let text = post_text(line, opened);
    let number = opened.console_base + line.number;
    batch.bytes += text.len() + LINE_OVERHEAD;
    if let Some(old) = batch.console.insert(number, text) {
        batch.bytes = batch.bytes.saturating_sub(old.len() + LINE_OVERHEAD);
    }
}

#[cfg(test)]
mod tests;
