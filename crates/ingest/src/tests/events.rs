//! Event files beside a run.

use super::*;
use crate::events::Events;

const FILE: &[u8] = include_bytes!("../../../tensorboard/tests/data/tensorboardx.tfevents");
/// Within the event of the second step.
const HALF: usize = 200;

struct Logs {
    bench: Bench,
    hub: Arc<Hub>,
    run: Arc<RunLog>,
    folder: PathBuf,
}

impl Logs {
    fn new() -> Self {
        let bench = Bench::new();
        let folder = bench.dir.path().join("logs");
        std::fs::create_dir(&folder).unwrap();
        let hub = bench.hub();
        let run = Arc::new(bench.create());
        let files = v1::EventFiles {
            folder: folder.display().to_string(),
            namespace: String::new(),
            save: true,
        };
        let chunk = v1::Chunk {
            first_seq: 1,
            record: vec![v1::Record {
                kind: Some(Kind::EventFiles(files)),
            }],
        };
        run.append_chunk("owner", Prepared::plain(chunk)).unwrap();
        Self {
            bench,
            hub,
            run,
            folder,
        }
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.folder.join("events.out.tfevents.1.host"), bytes).unwrap();
    }

    /// `global_step` and keys of every row in the journal.
    fn rows(&self) -> Vec<(String, Vec<String>)> {
        let mut reader = FileReader::open(&OsFiles, &self.bench.path(), Position::START).unwrap();
        let mut rows = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            let record = wandbd_record::note::decode(&frame.data).unwrap();
            if let Some(RecordType::History(row)) = record.record_type {
                let own = |key: &String| !key.starts_with('_') && key != "global_step";
                let name = |item: &wandbd_proto::wandb::HistoryItem| {
                    let first = item.nested_key.first();
                    first.unwrap_or(&item.key).clone()
                };
                let mut keys: Vec<_> = row.item.iter().map(name).filter(own).collect();
                keys.dedup();
                let step = row.item.iter().find(|item| name(item) == "global_step");
                let step = step.map(|item| item.value_json.clone()).unwrap_or_default();
                rows.push((step, keys));
            }
        }
        rows
    }
}

fn whole() -> Vec<(String, Vec<String>)> {
    let row = |step: &str, keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        (step.to_owned(), keys)
    };
    vec![
        row("0", &["loss", "acc/top1"]),
        row("1", &["loss", "acc/top1"]),
        row("2", &["loss", "acc/top1"]),
        row("5", &["weights"]),
        row("6", &["img"]),
        row("8", &["last"]),
    ]
}

#[tokio::test]
async fn each_step_of_a_growing_file_becomes_a_row_and_the_last_one_at_the_end() {
    let logs = Logs::new();
    let mut events = Events::default();
    assert!(events.read(&logs.run, &logs.hub, false).await);
    assert!(logs.rows().is_empty());

    logs.write(&FILE[..HALF]);
    assert!(events.read(&logs.run, &logs.hub, false).await);
    assert_eq!(logs.rows(), whole()[..1]);
    logs.write(FILE);
    assert!(events.read(&logs.run, &logs.hub, false).await);
    assert_eq!(logs.rows(), whole()[..5]);
    assert!(events.read(&logs.run, &logs.hub, true).await);

    assert_eq!(logs.rows(), whole());
    let image = logs.bench.path().with_file_name("files/media/images");
    assert_eq!(std::fs::read_dir(image).unwrap().count(), 1);
    let saved = logs
        .bench
        .path()
        .with_file_name("files/events.out.tfevents.1.host");
    assert_eq!(std::fs::read(saved).unwrap(), FILE);
}

#[tokio::test]
async fn a_daemon_that_comes_later_reads_the_file_again_and_doubles_nothing() {
    let logs = Logs::new();
    for length in [HALF, FILE.len(), FILE.len()] {
        logs.write(&FILE[..length]);
        // As after a restart: nothing is remembered but the journal.
        assert!(
            Events::default()
                .read(&logs.run, &logs.hub, length == FILE.len())
                .await
        );
    }

    assert_eq!(logs.rows(), whole());
}

#[tokio::test]
async fn a_damaged_file_is_read_up_to_the_damage_and_counted() {
    let logs = Logs::new();
    let mut bytes = FILE.to_vec();
    bytes[HALF] ^= 1;
    logs.write(&bytes);
    let mut events = Events::default();

    assert!(events.read(&logs.run, &logs.hub, true).await);
    assert!(events.read(&logs.run, &logs.hub, true).await);

    assert!(logs.rows().len() < whole().len() && !logs.rows().is_empty());
    let counted = logs
        .hub
        .drops
        .all()
        .into_iter()
        .find(|(why, _)| why.contains("event files that"));
    assert_eq!(counted.map(|(_, count)| count), Some(1));
}

#[tokio::test]
async fn rows_wait_while_the_disk_is_full_and_come_once_when_there_is_room() {
    let logs = Logs::new();
    logs.write(FILE);
    let mut events = Events::default();
    logs.bench.full.store(true, Ordering::SeqCst);
    assert!(!events.read(&logs.run, &logs.hub, true).await);

    logs.bench.full.store(false, Ordering::SeqCst);
    assert!(events.read(&logs.run, &logs.hub, true).await);
    assert_eq!(logs.rows(), whole());
}
