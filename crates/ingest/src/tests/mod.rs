//! Runs over real journals on a disk that fails, fills up and hangs when it is told to.

mod busy;
mod events;
mod hang;
mod making;
mod run_log;
mod settling;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use wandbd_journal::{Committer, FileReader, Files, OpenFile, OsFiles, Position};
use wandbd_proto::{
    v1::{self, field::Value, record::Kind},
    wandb::record::RecordType,
};
use wandbd_record::note::record;

use crate::{
    Fingerprints, Hub, HubConfig, Vault,
    making::{Prepared, Ready},
    run_log::RunLog,
};

/// Only a hang takes so long.
const LIMIT: Duration = Duration::from_secs(30);

/// Files with a word in their path are not written to until it is taken away.
#[derive(Default)]
struct Hang {
    word: Mutex<(Option<&'static str>, usize)>,
    changed: Condvar,
}

impl Hang {
    fn set(&self, word: Option<&'static str>) {
        self.word.lock().unwrap().0 = word;
        self.changed.notify_all();
    }

    fn pass(&self, path: &Path) {
        let mut word = self.word.lock().unwrap();
        word.1 += 1;
        self.changed.notify_all();
        let hangs = |word: &mut (Option<&'static str>, usize)| {
            word.0
                .is_some_and(|word| path.to_string_lossy().contains(word))
        };
        if hangs(&mut word) {
            drop(self.changed.wait_while(word, hangs).unwrap());
        }
    }
}

/// The disk of the system, until told otherwise.
#[derive(Default)]
struct Disk {
    full: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
    hang: Arc<Hang>,
}

struct DiskFile {
    file: Arc<dyn OpenFile>,
    path: PathBuf,
    full: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
    hang: Arc<Hang>,
}

impl Disk {
    fn wrap(&self, path: &Path, file: Arc<dyn OpenFile>) -> Arc<dyn OpenFile> {
        Arc::new(DiskFile {
            file,
            path: path.to_owned(),
            hang: Arc::clone(&self.hang),
            full: Arc::clone(&self.full),
            sync_fails: Arc::clone(&self.sync_fails),
        })
    }
}

impl Files for Disk {
    fn create_dirs(&self, path: &Path) -> io::Result<()> {
        self.hang.pass(path);
        OsFiles.create_dirs(path)
    }
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        Ok(self.wrap(path, OsFiles.create_new(path)?))
    }
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        Ok(self.wrap(path, OsFiles.open_write(path)?))
    }
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        OsFiles.open_read(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.sync_dir(path)
    }
}

impl OpenFile for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.hang.pass(&self.path);
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(data, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.hang.pass(&self.path);
        if self.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.sync_data()
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
}

struct Bench {
    dir: tempfile::TempDir,
    committer: Arc<Committer>,
    full: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
    hang: Arc<Hang>,
}

impl Bench {
    fn new() -> Self {
        let disk = Disk::default();
        let (full, sync_fails) = (Arc::clone(&disk.full), Arc::clone(&disk.sync_fails));
        let hang = Arc::clone(&disk.hang);
        let (committer, task) = Committer::start(Arc::new(disk));
        std::mem::forget(task); // lives as long as the test's runtime
        Self {
            dir: tempfile::tempdir().unwrap(),
            committer: Arc::new(committer),
            full,
            sync_fails,
            hang,
        }
    }

    /// A hub over this disk.
    fn hub(&self) -> Arc<Hub> {
        let config = HubConfig {
            runs_dir: self.dir.path().join("runs"),
            spill_dir: self.dir.path().join("spill"),
            version: "0".into(),
            stage: wandbd_stage::Stage::new(self.dir.path().join("staging"), 1 << 30),
        };
        let committer = Arc::clone(&self.committer);
        let (hub, opened) = Hub::new(
            config,
            committer,
            Arc::new(NoVault),
            CancellationToken::new(),
        );
        std::mem::forget(opened);
        hub
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("run-a/run-a.wandb")
    }

    fn create(&self) -> RunLog {
        let opened = v1::Opened {
            session: "owner".into(),
            run: Some(v1::OpenRun {
                run_id: "a".into(),
                project: "p".into(),
                start_time: 100.0,
                ..v1::OpenRun::default()
            }),
            ..v1::Opened::default()
        };
        let run = wandbd_record::convert::run_record(opened.run.as_ref().unwrap()).unwrap();
        let mut run = record(RecordType::Run(run));
        wandbd_record::note::set_note(
            &mut run,
            v1::Note {
                opened: Some(opened.clone()),
                ..v1::Note::default()
            },
        );
        RunLog::create(&self.committer, &self.path(), opened, vec![run]).unwrap()
    }

    /// The `loss` of every row in the file.
    fn losses(&self) -> Vec<String> {
        let mut reader = FileReader::open(&OsFiles, &self.path(), Position::START).unwrap();
        let mut losses = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            let record = wandbd_record::note::decode(&frame.data).unwrap();
            if let Some(RecordType::History(row)) = record.record_type {
                let loss = row.item.into_iter().find(|item| item.key == "loss");
                losses.extend(loss.map(|item| item.value_json));
            }
        }
        losses
    }
}

fn row(loss: i64, close: bool) -> v1::Record {
    v1::Record {
        kind: Some(Kind::Row(v1::Row {
            field: vec![v1::Field {
                key: "loss".into(),
                value: Some(Value::Integer(loss)),
                ..v1::Field::default()
            }],
            timestamp: 101.0,
            close,
            step: None,
        })),
    }
}

/// A chunk that leaves a row open.
fn opens(loss: i64) -> Prepared {
    Prepared::plain(v1::Chunk {
        first_seq: 1,
        record: vec![row(loss, false)],
    })
}

fn rows(first_seq: u64, losses: &[i64]) -> Prepared {
    Prepared::plain(v1::Chunk {
        first_seq,
        record: losses.iter().map(|loss| row(*loss, true)).collect(),
    })
}

/// Runs without credentials.
struct NoVault;

impl Vault for NoVault {
    fn keep(&self, _: &v1::Server) -> io::Result<Fingerprints> {
        Ok(Fingerprints::default())
    }

    fn use_local(&self, _: &v1::Server) -> bool {
        true
    }
}

fn open(run_id: &str) -> v1::OpenRun {
    v1::OpenRun {
        run_id: run_id.into(),
        project: "p".into(),
        start_time: 100.0,
        ..v1::OpenRun::default()
    }
}
