//! A journal in memory, and records to put into it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use wandbd_journal::{Frame, JournalError, Position};
pub use wandbd_record::wandb::files_item::PolicyType;
use wandbd_record::wandb::record::RecordType;
use wandbd_record::wandb::{
    AlertRecord, ArtifactManifest, ArtifactRecord, ConfigItem, ConfigRecord, FilesItem,
    FilesRecord, HistoryItem, HistoryRecord, HistoryStep, OutputRawRecord, Record, RunExitRecord,
    RunRecord, StatsItem, StatsRecord, SummaryItem, SummaryRecord,
};
use wandbd_record::{note, v1};
use wandbd_upload::{Feed, Source};

#[derive(Clone)]
pub struct MemoryFeed {
    frames: Arc<Mutex<Vec<Bytes>>>,
    count: Arc<watch::Sender<usize>>,
    finished: bool,
}

impl MemoryFeed {
    /// A journal that nobody writes to any more.
    pub fn finished(records: &[Record]) -> MemoryFeed {
        let feed = MemoryFeed {
            finished: true,
            ..MemoryFeed::live()
        };
        feed.append(records);
        feed
    }

    /// A journal that may still grow.
    pub fn live() -> MemoryFeed {
        MemoryFeed {
            frames: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
            finished: false,
        }
    }

    pub fn append(&self, records: &[Record]) {
        let mut frames = self.frames.lock().unwrap();
        frames.extend(
            records
                .iter()
                .map(|record| Bytes::from(note::encode(record))),
        );
        self.count.send_replace(frames.len());
    }
}

impl Feed for MemoryFeed {
    fn open(&self, from: Position) -> Result<Box<dyn Source>, JournalError> {
        Ok(Box::new(Reading {
            feed: self.clone(),
            count: self.count.subscribe(),
            next: usize::try_from((from.0 - Position::START.0) / 10).unwrap(),
        }))
    }

    fn finished(&self) -> bool {
        self.finished
    }
}

struct Reading {
    feed: MemoryFeed,
    count: watch::Receiver<usize>,
    next: usize,
}

/// Frames are 10 bytes long, as far as positions go.
fn position(frames: usize) -> Position {
    Position(Position::START.0 + 10 * frames as u64)
}

#[async_trait]
impl Source for Reading {
    async fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        loop {
            if let Some(frame) = self.try_next()? {
                return Ok(Some(frame));
            }
            if self.feed.finished || self.count.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    fn try_next(&mut self) -> Result<Option<Frame>, JournalError> {
        let frames = self.feed.frames.lock().unwrap();
        let data = frames.get(self.next).cloned();
        Ok(data.map(|data| {
            self.next += 1;
            Frame {
                end: position(self.next),
                data,
            }
        }))
    }

    fn end(&self) -> Position {
        position(self.feed.frames.lock().unwrap().len())
    }
}

pub fn run() -> Record {
    note::record(RecordType::Run(RunRecord {
        run_id: "r1".into(),
        project: "p".into(),
        entity: "e".into(),
        ..RunRecord::default()
    }))
}

pub fn exit(exit_code: i32) -> Record {
    note::record(RecordType::Exit(RunExitRecord {
        exit_code,
        ..RunExitRecord::default()
    }))
}

fn item(key: &str, value_json: &str) -> HistoryItem {
    HistoryItem {
        key: key.into(),
        value_json: value_json.into(),
        ..HistoryItem::default()
    }
}

pub fn row(step: i64, text: &str) -> Record {
    note::record(RecordType::History(HistoryRecord {
        item: vec![
            item("text", &format!("{text:?}")),
            item("_step", &step.to_string()),
            item("_timestamp", "1000.5"),
            item("_runtime", "1"),
        ],
        step: Some(HistoryStep { num: step }),
    }))
}

pub fn stats(value: i64) -> Record {
    note::record(RecordType::Stats(StatsRecord {
        item: vec![StatsItem {
            key: "cpu".into(),
            value_json: value.to_string(),
        }],
        ..StatsRecord::default()
    }))
}

pub fn summary(value: i64) -> Record {
    note::record(RecordType::Summary(SummaryRecord {
        update: vec![SummaryItem {
            key: "best".into(),
            value_json: value.to_string(),
            ..SummaryItem::default()
        }],
        ..SummaryRecord::default()
    }))
}

pub fn config(value: i64) -> Record {
    note::record(RecordType::Config(ConfigRecord {
        update: vec![ConfigItem {
            key: "lr".into(),
            value_json: value.to_string(),
            ..ConfigItem::default()
        }],
        ..ConfigRecord::default()
    }))
}

pub fn output(text: &str) -> Record {
    note::record(RecordType::OutputRaw(OutputRawRecord {
        output_type: 1,
        line: text.into(),
        ..OutputRawRecord::default()
    }))
}

pub fn file(path: &str) -> Record {
    saved(path, PolicyType::Now)
}

pub fn saved(path: &str, policy: PolicyType) -> Record {
    note::record(RecordType::Files(FilesRecord {
        files: vec![FilesItem {
            path: path.into(),
            policy: policy.into(),
            ..FilesItem::default()
        }],
    }))
}

pub fn alert(title: &str) -> Record {
    note::record(RecordType::Alert(AlertRecord {
        title: title.into(),
        ..AlertRecord::default()
    }))
}

/// The run's record once more, with changes.
pub fn changed(change: impl FnOnce(&mut RunRecord)) -> Record {
    let mut record = run();
    if let Some(RecordType::Run(run)) = &mut record.record_type {
        change(run);
    }
    record
}

/// The run's record with what a training process of ours says at `init`.
pub fn said(say: impl FnOnce(&mut v1::OpenRun)) -> Record {
    let mut open = v1::OpenRun::default();
    say(&mut open);
    let mut record = run();
    let note = v1::Note {
        opened: Some(v1::Opened {
            run: Some(open),
            session: "s1".into(),
            ..v1::Opened::default()
        }),
        ..v1::Note::default()
    };
    note::set_note(&mut record, note);
    record
}

pub fn artifact(client_id: &str) -> Record {
    note::record(RecordType::Artifact(ArtifactRecord {
        name: "model".into(),
        client_id: client_id.into(),
        manifest: Some(ArtifactManifest::default()),
        finalize: true,
        ..ArtifactRecord::default()
    }))
}
