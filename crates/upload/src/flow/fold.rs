//! Reading the journal and sorting out what is in it.

use tokio::time::Instant;
use tracing::{error, warn};
use wandbd_journal::Frame;
use wandbd_record::wandb::record::RecordType;
use wandbd_record::{note, v1, wandb};

use super::{AT_ONCE, CUT_OFF, Flow, Reading, Writer};
use crate::artifacts::{Errand, Fate};

impl Flow {
    /// True when there may be more.
    pub(super) fn fold_what_is_there(&mut self) -> bool {
        for _ in 0..AT_ONCE {
            if !self.may_read() {
                return false;
            }
            match self.parts.reader.try_next() {
                Some(frame) => self.take(&frame),
                None => return false,
            }
        }
        true
    }

    pub(super) fn take(&mut self, frame: &Frame) {
        self.position = frame.end;
        match note::decode(&frame.data) {
            Ok(record) => self.apply(&record),
            Err(error) => {
                let run = &self.parts.courier.name;
                error!(%run, %error, position = %frame.end, "unreadable record");
                self.parts.courier.standing.skipped("unreadable record");
            }
        }
    }

    pub(super) fn apply(&mut self, record: &wandb::Record) {
        let accepted = self.position <= self.cursor.at() && self.cursor.position > 0;
        let bytes = self.batch.bytes;
        if let Err(error) = self.lines.apply(record, &mut self.batch) {
            let run = &self.parts.courier.name;
            warn!(%run, %error, position = %self.position, "record left out");
            self.parts.courier.standing.skipped("unreadable record");
        }
        self.look_aside(record);
        self.apply_console(record);
        self.console_seen |= !self.batch.console.is_empty();
        if accepted {
            self.batch.history.clear();
            self.batch.events.clear();
            self.batch.console.clear();
            self.batch.summary = false;
            self.batch.preempting = false;
            self.batch.bytes = bytes;
        }
        self.sort_out();
    }

    /// What has no line.
    fn look_aside(&mut self, record: &wandb::Record) {
        match &record.record_type {
            Some(RecordType::Alert(alert)) if self.position.0 > self.cursor.alerts => {
                self.alerts.push_back((self.position.0, alert.clone()));
            }
            Some(RecordType::Environment(environment)) => {
                if let Some(git) = &environment.git {
                    self.git = Some(git.clone());
                }
            }
            Some(RecordType::UseArtifact(used)) if !used.id.is_empty() => {
                self.errand(Errand::usage(self.position.0, used));
            }
            _ => {}
        }
        self.look_for_errands(record);
    }

    /// Artifacts and what is done with them.
    fn look_for_errands(&mut self, record: &wandb::Record) {
        let note = match note::note_of(record) {
            Ok(note) => note.unwrap_or_default(),
            Err(_) => return, // told already
        };
        if let Some(RecordType::Artifact(artifact)) = &record.record_type {
            let said = note.said.unwrap_or_default();
            let journal = &self.parts.journal;
            let errand = Errand::version(journal, artifact.clone(), said, note.ask);
            self.errand(errand);
            self.look_for_link(note.link);
            return;
        }
        let lost = note.artifact_client_id;
        if !lost.is_empty() {
            let why = note.said.unwrap_or_default().description;
            self.artifacts.lost(&lost);
            self.cursor
                .artifacts
                .entry(lost)
                .or_insert(Fate::Failed(why));
        }
        self.look_for_link(note.link);
    }

    fn look_for_link(&mut self, link: Option<v1::Link>) {
        if let Some(link) = link {
            self.errand(Errand::link(self.position.0, link));
        }
    }

    fn errand(&mut self, errand: Errand) {
        match self.cursor.artifacts.get(&errand.key) {
            None => self.artifacts.push(errand),
            Some(fate) => {
                self.artifacts.count(&errand);
                if errand.is_version() && !matches!(fate, Fate::Failed(_)) {
                    (self.parts.on_artifact_done)(&errand.client_id);
                }
            }
        }
    }

    /// Takes out of the batch what does not travel by post.
    pub(super) fn sort_out(&mut self) {
        let now = Instant::now();
        let pace = &self.parts.poster.pace;
        if self.batch.config || self.batch.params {
            if self.position.0 > self.cursor.updated {
                self.config_due.get_or_insert(now + pace.config_debounce);
            } else if self.batch.params {
                self.told = self.params();
            }
            self.batch.config = false;
            self.batch.params = false;
        }
        // The file is uploaded when the journal names it, or at the end.
        self.batch.metadata = false;
        for file in self.batch.files.drain(..) {
            if self.ignored.matches(&file.name) || !self.writer.may_upload(&file.name) {
                continue;
            }
            let known = self.cursor.files.get(&file.name);
            let due = now + pace.files_debounce;
            let asked = self.position.0;
            self.waiting
                .add((file.name, file.policy), asked, known, due);
        }
        self.waiting.poll_at(now + pace.files_poll);
        self.batch.artifacts.clear(); // they were seen with their notes
        if let Some(code) = self.batch.exit.take() {
            self.ends(code, now);
        }
    }

    pub(super) fn ends(&mut self, code: i32, now: Instant) {
        self.reading = Reading::Ended;
        self.exit = Some((code, now));
        self.artifacts.complete();
        self.parts.courier.run_ends();
    }

    pub(super) fn journal_over(&mut self) {
        if self.parts.feed.finished() {
            self.ends(CUT_OFF, Instant::now());
        } else {
            self.reading = Reading::Closed;
        }
    }
}

/// Only the primary writer speaks for the run as a whole.
const PRIMARY_ONLY: [&str; 6] = [
    "wandb-metadata.json",
    "requirements.txt",
    "conda-environment.yaml",
    "diff.patch",
    "config.yaml",
    "wandb-summary.json",
];

impl Writer {
    pub(super) fn may_upload(self, name: &str) -> bool {
        self.primary || !PRIMARY_ONLY.contains(&name)
    }
}
