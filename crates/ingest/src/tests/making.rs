//! Media, tables and artifacts on their way into a journal.

use tokio::sync::oneshot;
use wandbd_proto::v1::{cell, media::Content};
use wandbd_record::note::note_of;

use super::*;
use crate::making::{News, Turn, Workshop};

struct Shop {
    bench: Bench,
    run: Arc<RunLog>,
    workshop: Arc<Workshop>,
    drops: Arc<crate::Drops>,
    news: News,
}

impl Shop {
    fn new() -> Self {
        let bench = Bench::new();
        let run = Arc::new(bench.create());
        let stage = wandbd_stage::Stage::new(bench.dir.path().join("staging"), 1 << 30);
        let drops = Arc::<crate::Drops>::default();
        Self {
            workshop: Arc::new(Workshop::new(stage, Arc::clone(&drops))),
            bench,
            run,
            drops,
            news: News::default(),
        }
    }

    async fn prepare(&self, chunk: v1::Chunk, known: u64, turn: Turn) -> Prepared {
        let (shop, run) = (Arc::clone(&self.workshop), Arc::clone(&self.run));
        let making = shop.prepare(run, chunk, known, self.news.clone(), turn);
        making.await.unwrap()
    }

    /// Makes and journals a chunk; what was refused of it.
    async fn send(&self, first_seq: u64, record: Vec<Kind>) -> Vec<v1::Refusal> {
        let chunk = chunk(first_seq, record);
        let prepared = self.prepare(chunk, first_seq - 1, Turn::default()).await;
        self.run.append_chunk("owner", prepared).unwrap().refused
    }

    fn below(&self, name: &str) -> PathBuf {
        self.bench.path().with_file_name(name)
    }

    /// The last value of `key` in the journal, as JSON.
    fn logged(&self, key: &str) -> Option<String> {
        let mut reader = FileReader::open(&OsFiles, &self.bench.path(), Position::START).unwrap();
        let mut found = None;
        while let Some(frame) = reader.next_frame().unwrap() {
            let record = wandbd_record::note::decode(&frame.data).unwrap();
            if let Some(RecordType::History(row)) = record.record_type {
                let is_it = |item: &&wandbd_proto::wandb::HistoryItem| {
                    item.key == key || item.nested_key.join(".") == key
                };
                let item = row.item.iter().find(is_it);
                found = item.map(|item| item.value_json.clone()).or(found);
            }
        }
        found
    }
}

fn chunk(first_seq: u64, record: Vec<Kind>) -> v1::Chunk {
    let record = record
        .into_iter()
        .map(|kind| v1::Record { kind: Some(kind) });
    v1::Chunk {
        first_seq,
        record: record.collect(),
    }
}

fn bytes(id: &str, text: &str) -> Kind {
    Kind::Media(v1::Media {
        id: id.into(),
        dir: "html".into(),
        extension: ".html".into(),
        row_json: r#"{"_type":"html-file"}"#.into(),
        artifact_json: r#"{"_type":"html-file"}"#.into(),
        content: Some(Content::Bytes(text.into())),
        ..v1::Media::default()
    })
}

fn place(key: &str, id: &str) -> Kind {
    Kind::Row(v1::Row {
        field: vec![v1::Field {
            key: key.into(),
            value: Some(Value::Template(format!("{{\"$wandbd\":\"{id}\"}}"))),
            ..v1::Field::default()
        }],
        timestamp: 101.0,
        close: true,
        step: None,
    })
}

fn table_rows(first_row: u64, cells: Vec<cell::Value>) -> Kind {
    let row = |value| v1::TableRow {
        cell: vec![v1::Cell { value: Some(value) }],
    };
    Kind::TableRows(v1::TableRows {
        table: "t".into(),
        first_row,
        row: cells.into_iter().map(row).collect(),
    })
}

fn table(row_count: u64) -> Kind {
    Kind::Media(v1::Media {
        id: "table".into(),
        dir: "table".into(),
        extension: ".table.json".into(),
        row_json: r#"{"_type":"table-file"}"#.into(),
        artifact_json: r#"{"_type":"table"}"#.into(),
        content: Some(Content::Table(v1::Table {
            rows: "t".into(),
            row_count,
            columns_json: r#"["a"]"#.into(),
            column_types_json: "{}".into(),
            ..v1::Table::default()
        })),
        ..v1::Media::default()
    })
}

fn artifact(files: Vec<v1::artifact::File>) -> Kind {
    Kind::Artifact(v1::Artifact {
        name: "a".into(),
        r#type: "t".into(),
        client_id: "c".repeat(128),
        file: files,
        ..v1::Artifact::default()
    })
}

#[tokio::test]
async fn a_picture_becomes_a_file_that_the_row_names_and_another_row_after_a_restart_too() {
    let shop = Shop::new();

    let refused = shop
        .send(1, vec![bytes("m", "<b>"), place("page", "m")])
        .await;

    assert!(refused.is_empty(), "{refused:?}");
    let path = shop.logged("page.path").unwrap();
    assert!(path.starts_with("\"media/html/page_0_"), "{path}");
    let file = shop.below("files").join(path.trim_matches('"'));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "<b>");

    let adopted = RunLog::adopt(&shop.bench.committer, &shop.bench.path()).unwrap();
    let again = Prepared::plain(chunk(3, vec![place("again", "m")]));
    let appended = adopted.append_chunk("owner", again).unwrap();

    assert!(appended.refused.is_empty());
    let path = shop.logged("again.path").unwrap();
    assert!(shop.below("files").join(path.trim_matches('"')).exists());
}

#[tokio::test]
async fn a_table_waits_for_its_rows_and_media_in_earlier_chunks_that_are_still_made() {
    let shop = Shop::new();
    let (after, before) = oneshot::channel();
    let last = Turn {
        before: Some(before),
        after: None,
    };
    let first = Turn {
        before: None,
        after: Some(after),
    };
    let rows = vec![
        bytes("m", "<i>"),
        table_rows(0, vec![cell::Value::Integer(7)]),
        table_rows(1, vec![cell::Value::Media("m".into())]),
    ];

    let (table, rows) = tokio::join!(
        shop.prepare(chunk(4, vec![table(2), place("tab", "table")]), 3, last),
        shop.prepare(chunk(1, rows), 0, first),
    );
    for prepared in [rows, table] {
        let appended = shop.run.append_chunk("owner", prepared).unwrap();
        assert!(appended.refused.is_empty(), "{:?}", appended.refused);
    }

    let path = shop.logged("tab.path").unwrap();
    let file = shop.below("files").join(path.trim_matches('"'));
    let text = std::fs::read_to_string(file).unwrap();
    assert!(
        text.starts_with(r#"{"columns":["a"],"data":[[7],["#),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_sent_again_is_not_made_again() {
    let shop = Shop::new();
    shop.send(1, vec![bytes("m", "<b>")]).await;

    let chunk = chunk(1, vec![bytes("m", "<b>"), place("page", "m")]);
    let prepared = shop.prepare(chunk, 1, Turn::default()).await;

    assert!(matches!(prepared.records[0], Ready::Kept));
    let appended = shop.run.append_chunk("owner", prepared).unwrap();
    assert_eq!((appended.seq, appended.refused.len()), (2, 0));
    assert!(shop.logged("page.path").is_some());
}

#[tokio::test]
async fn media_that_cannot_be_made_are_refused_and_counted_and_the_row_is_kept_without_them() {
    let shop = Shop::new();
    let bad = Kind::Media(v1::Media {
        id: "../m".into(),
        ..v1::Media::default()
    });

    let refused = shop
        .send(
            1,
            vec![bad, place("page", "../m"), row(5, true).kind.unwrap()],
        )
        .await;

    let told: Vec<_> = refused.iter().map(|refusal| refusal.seq).collect();
    assert_eq!(told, [1, 2], "{refused:?}");
    assert!(refused[1].reason.contains("page"));
    assert_eq!(shop.drops.all(), [("media that could not be made", 1)]);
    assert_eq!(shop.logged("loss").unwrap(), "5");
}

#[tokio::test]
async fn an_artifact_whose_file_is_gone_is_refused_with_its_reason() {
    let shop = Shop::new();
    let gone = v1::artifact::File {
        path: "x".into(),
        source: shop.below("gone").display().to_string(),
        ..v1::artifact::File::default()
    };

    let refused = shop.send(1, vec![artifact(vec![gone])]).await;

    assert!(refused[0].reason.contains("gone"), "{refused:?}");
    shop.run
        .append_own(Vec::new(), wandbd_journal::Urgency::Normal)
        .unwrap();
    let id = "c".repeat(128);
    assert_eq!(
        shop.run.artifact_failure(&id),
        Some(refused[0].reason.clone())
    );
    assert!(shop.run.next_artifact().is_none());
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_accepted_loses_its_artifact_and_says_so() {
    let shop = Shop::new();
    let path = shop.below("model");
    std::fs::write(&path, "weights").unwrap();
    let file = v1::artifact::File {
        path: "model".into(),
        source: path.display().to_string(),
        ..v1::artifact::File::default()
    };
    shop.send(1, vec![artifact(vec![file])]).await;

    std::fs::write(&path, "other weights").unwrap();
    let told = shop
        .run
        .next_artifact()
        .unwrap()
        .run()
        .unwrap_err()
        .to_string();

    assert!(told.contains("7 bytes then, 13 now"), "{told}");
}

#[tokio::test]
async fn a_snapshot_of_media_is_read_and_goes_when_its_outcome_is_safe() {
    let shop = Shop::new();
    let folder = shop.bench.dir.path().join("staging/1-ab");
    std::fs::create_dir_all(&folder).unwrap();
    let source = folder.join("page.html");
    std::fs::write(&source, "<u>").unwrap();
    let Kind::Media(mut media) = bytes("m", "") else {
        unreachable!()
    };
    media.content = Some(Content::File(v1::media::Source {
        path: source.display().to_string(),
        staged: true,
    }));
    let chunk = chunk(1, vec![Kind::Media(media), place("page", "m")]);

    let prepared = shop.prepare(chunk, 0, Turn::default()).await;
    let appended = shop.run.append_chunk("owner", prepared).unwrap();

    assert!(source.exists() && appended.refused.is_empty());
    let workshop = Arc::clone(&shop.workshop);
    tokio::task::spawn_blocking(move || workshop.tidy(&appended.used))
        .await
        .unwrap();
    assert!(!source.exists());
    assert!(shop.logged("page.path").is_some());
}

#[tokio::test]
async fn a_link_is_noted() {
    let shop = Shop::new();
    let link = |target: &str| {
        Kind::Link(v1::Link {
            client_id: "c".into(),
            target: target.into(),
            ..v1::Link::default()
        })
    };

    let refused = shop.send(1, vec![link("best"), link("")]).await;

    assert_eq!(
        refused
            .iter()
            .map(|refusal| refusal.seq)
            .collect::<Vec<_>>(),
        [2]
    );
    let mut reader = FileReader::open(&OsFiles, &shop.bench.path(), Position::START).unwrap();
    let mut targets = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        let record = wandbd_record::note::decode(&frame.data).unwrap();
        let note = note_of(&record).unwrap().unwrap_or_default();
        targets.extend(note.link.map(|link| link.target));
    }
    assert_eq!(targets, ["best"]);
}

#[tokio::test]
async fn an_accepted_artifact_is_hashed_at_once_and_not_only_at_the_end() {
    let bench = Bench::new();
    let hub = bench.hub();
    let run = {
        let hub = Arc::clone(&hub);
        tokio::task::spawn_blocking(move || hub.open("s", open("a"), &v1::Process::default()))
    };
    let run = run.await.unwrap().unwrap();
    let path = bench.dir.path().join("model");
    std::fs::write(&path, "weights").unwrap();
    let file = v1::artifact::File {
        path: "model".into(),
        source: path.display().to_string(),
        ..v1::artifact::File::default()
    };
    let mut delivered = run.journal().committed();

    let prepared = Prepared::plain(chunk(1, vec![artifact(vec![file])]));
    run.append_chunk("s", prepared).unwrap();

    let hashed = async {
        while run.see().artifacts_wait {
            delivered.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, hashed).await.unwrap();
    assert_eq!(run.artifact_failure(&"c".repeat(128)), None);
}
