//! Versions of artifacts, links and uses: in which order, and what comes of them.

use tokio_util::sync::CancellationToken;
use wandbd_journal::OsFiles;
use wandbd_record::v1::artifact::{Keep, keep::Policy};
use wandbd_record::wandb::record::RecordType;
use wandbd_record::wandb::{Record, UseArtifactRecord};
use wandbd_record::{note, v1};
use wandbd_upload::{Fate, Outcome, State, delivered};

use crate::bench::Bench;
use crate::feed::{MemoryFeed, artifact, exit, run};
use crate::server::{Fault, MemoryServer};
use crate::wait_for;

/// A version that goes when a newer one is there, unless it is the best.
fn newest(client_id: &str, best: bool) -> Record {
    let mut record = artifact(client_id);
    let keep = Keep {
        policy: Policy::Newest.into(),
        every: 0,
        best,
    };
    let said = v1::Artifact {
        keep: Some(keep),
        ..v1::Artifact::default()
    };
    let note = v1::Note {
        said: Some(said),
        ..v1::Note::default()
    };
    note::set_note(&mut record, note);
    record
}

fn link(client_id: &str, target: &str) -> Record {
    note::carrier(v1::Note {
        link: Some(v1::Link {
            client_id: client_id.into(),
            target: target.into(),
            ..v1::Link::default()
        }),
        ..v1::Note::default()
    })
}

fn lost(client_id: &str, why: &str) -> Record {
    note::carrier(v1::Note {
        artifact_client_id: client_id.into(),
        said: Some(v1::Artifact {
            description: why.into(),
            ..v1::Artifact::default()
        }),
        ..v1::Note::default()
    })
}

fn fates(bench: &Bench) -> Vec<(String, Fate)> {
    let known = delivered(&OsFiles, &bench.journal()).unwrap();
    known.artifacts.into_iter().collect()
}

fn there(id: &str) -> Fate {
    Fate::Delivered { id: id.into() }
}

#[tokio::test(start_paused = true)]
async fn versions_that_newer_ones_overtake_are_left_out_and_counted() {
    let records = [
        run(),
        newest("a1", false),
        newest("a2", true),
        newest("a3", false),
        newest("a4", false),
        exit(0),
    ];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    let down = [Fault::Unreachable; 3].into();
    bench.server.look().own_faults.insert("artifact", down);

    let progress = bench.deliver().await;

    assert_eq!(bench.server.look().artifacts, ["a2", "a4"]);
    assert_eq!(progress.artifacts_superseded, 2);
    assert_eq!(progress.artifacts_waiting, 0);
    let skipped = &progress.skipped["artifact version left out for a newer one"];
    assert_eq!(*skipped, 2);
    assert_eq!(progress.artifacts["a1"], Fate::Superseded);
    let mut done = bench.artifacts_done.lock().unwrap().clone();
    done.sort();
    assert_eq!(done, ["a1", "a2", "a3", "a4"], "their snapshots may go");
}

#[tokio::test(start_paused = true)]
async fn a_link_follows_its_version_wherever_it_stands_in_the_journal() {
    let records = [run(), link("a1", "best"), artifact("a1"), exit(0)];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));

    let progress = bench.deliver().await;

    assert_eq!(bench.server.look().links, ["server-a1 -> best"]);
    assert!(progress.skipped.is_empty(), "{:?}", progress.skipped);
    let fates = fates(&bench);
    assert_eq!(fates[0], ("a1".into(), there("server-a1")));
    assert_eq!(fates[1].1, there("server-a1"));
    assert_eq!(*bench.artifacts_done.lock().unwrap(), ["a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_lost_keeps_its_reason_and_so_does_what_was_to_be_done_with_it() {
    let records = [
        run(),
        link("a1", "best"),
        lost("a1", "cannot read /data/w: gone"),
        artifact("a2"),
        link("unknown", "elsewhere"),
        exit(0),
    ];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));

    let progress = bench.deliver().await;

    let why = Fate::Failed("cannot read /data/w: gone".into());
    assert_eq!(progress.artifacts["a1"], why);
    let server = bench.server.look();
    assert_eq!(server.artifacts, ["a2"]);
    // The server knows what others have logged.
    assert_eq!(server.links, [" -> elsewhere"]);
    assert_eq!(progress.skipped["link of an artifact failed"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_given_up_says_why_and_keeps_its_snapshots() {
    let records = [run(), artifact("a1"), exit(0)];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    let refused = [Fault::Rejected; 3].into();
    bench.server.look().own_faults.insert("artifact", refused);

    let progress = bench.deliver().await;

    let Fate::Failed(why) = &progress.artifacts["a1"] else {
        panic!("{:?}", progress.artifacts);
    };
    assert!(why.contains("422"), "{why}");
    assert_eq!(progress.skipped["artifact failed"], 1);
    assert!(bench.artifacts_done.lock().unwrap().is_empty());
    assert_eq!(bench.server.look().complete, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_waits_is_seen_to_wait_although_others_go_on() {
    let mut other = artifact("b1");
    if let Some(RecordType::Artifact(record)) = &mut other.record_type {
        record.name = "other".into();
    }
    let records = [run(), artifact("a1"), other, exit(0)];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    let forbidden = [Fault::Forbidden].into();
    bench.server.look().own_faults.insert("artifact", forbidden);
    let (uploader, handle) = bench.uploader();
    let work = tokio::spawn(uploader.run(CancellationToken::new()));

    wait_for(|| handle.progress().borrow().artifacts.contains_key("b1")).await;

    assert_eq!(handle.progress().borrow().state, State::Parked);
    assert_eq!(handle.progress().borrow().artifacts_waiting, 1);
    handle.retry();
    assert_eq!(work.await.unwrap().unwrap(), Outcome::Delivered);
    assert_eq!(bench.server.look().artifacts, ["b1", "a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_use_that_is_answered_to_nobody_is_told_again_and_one_without_an_id_is_nothing() {
    let used = |id: &str| {
        let record = UseArtifactRecord {
            id: id.into(),
            ..UseArtifactRecord::default()
        };
        note::record(RecordType::UseArtifact(record))
    };
    let records = [run(), used("QTox"), used(""), exit(0)];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    let lost = [Fault::AnswerLost].into();
    bench.server.look().own_faults.insert("use", lost);

    bench.deliver().await;

    assert_eq!(bench.server.look().used.len(), 1);
}
