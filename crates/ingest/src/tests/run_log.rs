//! One run over its journal.

use wandbd_journal::Urgency;
use wandbd_record::note::note_of;

use super::*;
use crate::{error::IngestError, load::load};

#[tokio::test]
async fn what_is_sent_again_is_journaled_once() {
    let bench = Bench::new();
    let run = bench.create();
    run.append_chunk("owner", rows(1, &[1, 2])).unwrap();

    let appended = run.append_chunk("owner", rows(1, &[1, 2, 3])).unwrap();
    let nothing = run.append_chunk("owner", rows(2, &[2, 3])).unwrap();

    assert_eq!((appended.seq, nothing.seq), (3, 3));
    assert_eq!(bench.losses(), ["1", "2", "3"]);
}

#[tokio::test]
async fn records_that_are_missing_before_a_chunk_are_asked_for() {
    let bench = Bench::new();
    let run = bench.create();

    let error = run.append_chunk("owner", rows(3, &[3])).err().unwrap();

    assert!(
        matches!(
            error,
            IngestError::Missing {
                expected: 1,
                got: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_adopted_run_knows_its_sessions_and_its_next_step() {
    let bench = Bench::new();
    bench
        .create()
        .append_chunk("owner", rows(1, &[1, 2]))
        .unwrap();

    let run = RunLog::adopt(&bench.committer, &bench.path()).unwrap();

    assert_eq!(run.connect("owner").unwrap().seq, 2);
    assert_eq!(run.next_step(), 2);
    run.append_chunk("owner", rows(1, &[1, 2, 3])).unwrap();
    assert_eq!(bench.losses(), ["1", "2", "3"]);
}

#[tokio::test]
async fn one_bad_record_is_refused_and_the_others_are_kept() {
    let bench = Bench::new();
    let run = bench.create();
    let mut chunk = rows(1, &[1, 2]);
    chunk
        .records
        .insert(1, Ready::Record(v1::Record { kind: None }));

    let appended = run.append_chunk("owner", chunk).unwrap();

    assert_eq!(appended.seq, 3);
    assert_eq!(
        appended
            .refused
            .iter()
            .map(|refusal| refusal.seq)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(bench.losses(), ["1", "2"]);
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_of_a_chunk_and_takes_it_when_there_is_room() {
    let bench = Bench::new();
    let run = bench.create();
    bench.full.store(true, Ordering::SeqCst);
    let error = run.append_chunk("owner", rows(1, &[1, 2])).err().unwrap();
    assert!(
        matches!(&error, IngestError::Journal { source, .. } if source.is_disk_full()),
        "{error}"
    );

    bench.full.store(false, Ordering::SeqCst);
    run.append_chunk("owner", rows(1, &[1, 2])).unwrap();

    assert_eq!(bench.losses(), ["1", "2"]);
    assert_eq!(run.next_step(), 2);
}

#[tokio::test]
async fn after_a_failed_sync_the_run_moves_and_takes_again_what_was_not_acknowledged() {
    let bench = Bench::new();
    let run = bench.create();
    let first = run.append_chunk("owner", rows(1, &[1])).unwrap();
    run.journal().wait_durable(first.position).await.unwrap();
    bench.sync_fails.store(true, Ordering::SeqCst);
    let lost = run.append_chunk("owner", rows(2, &[2])).unwrap();
    run.journal().wait_durable(lost.position).await.unwrap_err();

    bench.sync_fails.store(false, Ordering::SeqCst);
    assert_eq!(
        run.connect("owner").unwrap().seq,
        1,
        "the second record is asked for again"
    );
    let again = run.append_chunk("owner", rows(2, &[2])).unwrap();
    run.journal().wait_durable(again.position).await.unwrap();

    assert_eq!(bench.losses(), ["1", "2"]);
}

#[tokio::test]
async fn an_open_row_is_closed_when_the_run_ends_and_nothing_follows_the_exit() {
    let bench = Bench::new();
    let run = bench.create();
    let open = opens(7);
    run.append_chunk("worker", open).unwrap();

    run.end(1).unwrap();

    assert_eq!(bench.losses(), ["7"]);
    let late = run.append_chunk("worker", rows(2, &[8]));
    assert!(late.is_err() || late.is_ok_and(|late| late.refused.len() == 1));
    assert_eq!(bench.losses(), ["7"]);
    assert!(load(&OsFiles, &bench.path()).unwrap().memory.ended);
}

#[tokio::test]
async fn a_worker_that_leaves_closes_its_row_and_the_owner_that_leaves_does_not() {
    let bench = Bench::new();
    let run = bench.create();
    for session in ["owner", "worker"] {
        run.connect(session).unwrap();
    }
    run.append_chunk("worker", opens(7)).unwrap();
    run.append_chunk("owner", opens(8)).unwrap();

    run.disconnect("worker");
    run.disconnect("owner");

    assert_eq!(bench.losses(), ["7"]);
}

#[tokio::test]
async fn a_session_is_noted_on_the_group_that_ends_with_its_records() {
    let bench = Bench::new();
    let run = bench.create();
    run.append_chunk("owner", rows(1, &[1])).unwrap();
    run.append_own(Vec::new(), Urgency::Normal).unwrap();

    let mut reader = FileReader::open(&OsFiles, &bench.path(), Position::START).unwrap();
    let mut ends = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        let record = wandbd_record::note::decode(&frame.data).unwrap();
        if let Some(note) = note_of(&record).unwrap().filter(|note| note.group_end) {
            ends.push((note.session, note.seq));
        }
    }

    assert_eq!(
        ends,
        [(String::new(), 0), ("owner".into(), 1), (String::new(), 0)]
    );
}

#[tokio::test]
async fn artifacts_are_hashed_in_the_order_in_which_they_were_accepted_also_after_a_restart() {
    let bench = Bench::new();
    let run = bench.create();
    let artifact = |client_id: &str| v1::Record {
        kind: Some(Kind::Artifact(v1::Artifact {
            name: "model".into(),
            r#type: "model".into(),
            client_id: client_id.into(),
            ..v1::Artifact::default()
        })),
    };
    let chunk = Prepared::plain(v1::Chunk {
        first_seq: 1,
        record: ["z", "a", "m"].map(artifact).to_vec(),
    });
    run.append_chunk("owner", chunk).unwrap();
    run.finish_artifact("z", Err("why".into())).unwrap();

    let adopted = RunLog::adopt(&bench.committer, &bench.path()).unwrap();

    for expected in ["a", "m"] {
        let next = adopted.next_artifact().unwrap();
        assert_eq!(next.artifact.client_id, expected);
        adopted
            .finish_artifact(expected, Err("why".into()))
            .unwrap();
    }
    assert!(adopted.next_artifact().is_none());
    assert_eq!(adopted.artifact_failure("z").as_deref(), Some("why"));
    assert!(adopted.knows_artifact("m") && !adopted.knows_artifact("y"));
    assert_eq!(
        run.artifacts(),
        [("a".into(), "model".into()), ("m".into(), "model".into())]
    );
}

#[tokio::test]
async fn a_worker_that_left_with_an_open_row_is_remembered_rightly_after_a_restart() {
    let bench = Bench::new();
    let run = bench.create();
    run.connect("worker").unwrap();
    run.append_chunk("worker", opens(7)).unwrap();
    run.disconnect("worker");

    let adopted = RunLog::adopt(&bench.committer, &bench.path()).unwrap();
    adopted.end(0).unwrap();

    assert_eq!(
        bench.losses(),
        ["7"],
        "the row is not written a second time"
    );
}
