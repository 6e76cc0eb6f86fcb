//! What is known of a run besides its file: rows in the making, sessions, artifacts on their way.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use wandbd_proto::{
    v1::{self, record::Kind},
    wandb,
};
use wandbd_run::Rows;

/// Reasons that are kept of lost artifacts.
const MAX_REASONS: usize = 10_000;

/// Everything a run is made of, besides its file.
pub(crate) struct Memory {
    pub(crate) rows: Rows,
    /// The last sequence number in the journal, by session.
    pub(crate) sessions: HashMap<String, u64>,
    /// Accepted artifacts that are not hashed yet, in the order of their acceptance, which is that of their versions.
    pub(crate) staging: Vec<v1::Artifact>,
    /// Private snapshots of accepted artifacts, by client id: to be removed after delivery.
    pub(crate) staged: HashMap<String, Vec<PathBuf>>,
    /// Client ids and names of accepted artifacts, in their order.
    pub(crate) accepted: Vec<(String, String)>,
    /// Why artifacts were given up before their upload, by client id.
    pub(crate) lost: HashMap<String, String>,
    /// Folders whose event files are followed.
    pub(crate) event_files: BTreeMap<String, v1::EventFiles>,
    /// The owner's exit, once it was accepted.
    pub(crate) exit: Option<v1::Exit>,
    /// The exit record is written: nothing follows.
    pub(crate) ended: bool,
    /// When something was last said, in Unix seconds.
    pub(crate) last_time: f64,
    /// The number of the last record.
    pub(crate) num: i64,
}

impl Memory {
    pub(crate) fn new(start_time: f64) -> Self {
        Self {
            rows: Rows::new(start_time),
            sessions: HashMap::new(),
            staging: Vec::new(),
            staged: HashMap::new(),
            accepted: Vec::new(),
            lost: HashMap::new(),
            event_files: BTreeMap::new(),
            exit: None,
            ended: false,
            last_time: start_time,
            num: 0,
        }
    }

    /// An artifact that is to be hashed.
    pub(crate) fn accept(&mut self, artifact: &v1::Artifact) {
        let id = artifact.client_id.clone();
        self.accepted.push((id.clone(), artifact.name.clone()));
        let staged = artifact.file.iter().filter(|file| file.staged);
        self.staged.insert(
            id.clone(),
            staged.map(|file| PathBuf::from(&file.source)).collect(),
        );
        self.staging.push(artifact.clone());
    }

    /// An artifact that is hashed, or lost.
    pub(crate) fn completed(&mut self, client_id: &str) {
        self.staging
            .retain(|artifact| artifact.client_id != client_id);
    }

    /// An artifact that will not come. Only so many reasons are kept.
    pub(crate) fn lose(&mut self, client_id: &str, reason: String) {
        if self.lost.len() < MAX_REASONS {
            self.lost.insert(client_id.to_owned(), reason);
        }
    }

    /// The last word about a folder counts.
    fn follow(&mut self, files: &v1::EventFiles) {
        self.event_files.insert(files.folder.clone(), files.clone());
    }

    /// Takes in one journaled record.
    pub(crate) fn replay(&mut self, run: &str, record: &wandb::Record, note: &v1::Note) {
        if let Err(error) = self.rows.replay(record) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                run,
                num = record.num,
                error,
                "part of a journal record is not used"
            );
        }
        self.num = self.num.max(record.num);
        if note.group_end && !note.session.is_empty() {
            let seq = self.sessions.entry(note.session.clone()).or_default();
            *seq = note.seq.max(*seq);
        }
        if let Some(artifact) = &note.artifact {
            self.accept(artifact);
        }
        if !note.artifact_client_id.is_empty() {
            self.completed(&note.artifact_client_id);
            let is_there = matches!(
                record.record_type,
                Some(wandb::record::RecordType::Artifact(_))
            );
            if !is_there {
                let said = note.said.as_ref().map(|said| said.description.clone());
                let reason = said.unwrap_or_else(|| "its files could not be read".to_owned());
                self.lose(&note.artifact_client_id, reason);
            }
        }
        if let Some(files) = &note.event_files {
            self.follow(files);
        }
        if let Some(exit) = &note.exit {
            self.last_time = self.last_time.max(exit.timestamp);
            self.exit = Some(*exit);
        }
        if let Some(piece) = &note.piece {
            self.last_time = self.last_time.max(piece.timestamp);
        }
        match &record.record_type {
            Some(wandb::record::RecordType::Exit(_)) => self.ended = true,
            Some(wandb::record::RecordType::History(history)) => {
                if let Some(at) = timestamp(history) {
                    self.last_time = self.last_time.max(at);
                }
            }
            _ => {}
        }
    }
}

fn timestamp(history: &wandb::HistoryRecord) -> Option<f64> {
    let item = history.item.iter().find(|item| item.key == "_timestamp")?;
    item.value_json.parse().ok()
}

impl Memory {
    /// One record of a session; `Err` is why it is refused.
    pub(crate) fn take(
        &mut self,
        session: &str,
        record: v1::Record,
        out: &mut Vec<wandb::Record>,
    ) -> Result<(), String> {
        if self.ended || self.exit.is_some() && matches!(record.kind, Some(Kind::Exit(_))) {
            return Err("the run has ended; start a new one with init()".into());
        }
        match &record.kind {
            Some(Kind::Artifact(artifact)) => {
                wandbd_record::convert::check_artifact(artifact)
                    .map_err(|error| error.to_string())?;
                out.push(wandbd_record::note::carrier(v1::Note {
                    artifact: Some(artifact.clone()),
                    ..v1::Note::default()
                }));
                self.accept(artifact);
                return Ok(());
            }
            Some(Kind::Exit(exit)) => {
                out.push(wandbd_record::note::carrier(v1::Note {
                    exit: Some(*exit),
                    ..v1::Note::default()
                }));
                self.exit = Some(*exit);
                return Ok(());
            }
            Some(Kind::EventFiles(files)) => self.follow(files),
            Some(Kind::Row(row)) => self.last_time = self.last_time.max(row.timestamp),
            Some(Kind::Output(output)) => self.last_time = self.last_time.max(output.timestamp),
            _ => {}
        }
        self.rows
            .apply(session, record, out)
            .map_err(|refused| refused.to_string())
    }
}
