//! No answer is the end of a run: each has its way, and a cause that says what helps.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wandbd_upload::{Handle, Outcome, Progress, State};

use crate::bench::{Bench, expected};
use crate::feed::{MemoryFeed, alert, artifact, config, exit, file, row, run};
use crate::server::{Fault, MemoryServer};
use crate::wait_for;

const CHANNELS: [&str; 6] = ["open", "post", "update", "files", "alert", "artifact"];

fn records() -> Vec<wandbd_record::wandb::Record> {
    let mut records = vec![
        run(),
        file("a.txt"),
        alert("careful"),
        artifact("a1"),
        config(1),
    ];
    records.extend((0..5).map(|step| row(step, "fine")));
    records.push(exit(0));
    records
}

fn bench(server: MemoryServer) -> Bench {
    let bench = Bench::new(server, MemoryFeed::finished(&records()));
    std::fs::create_dir(bench.folder.path().join("files")).unwrap();
    std::fs::write(bench.folder.path().join("files/a.txt"), "A").unwrap();
    bench
}

/// Everything that the upload was held up by.
async fn causes(handle: Handle) -> BTreeSet<String> {
    let mut progress = handle.progress();
    let mut causes = BTreeSet::new();
    while progress.changed().await.is_ok() {
        causes.insert(progress.borrow_and_update().cause.clone());
    }
    causes.remove("");
    causes
}

fn arrived(bench: &Bench, what: &str) {
    let server = bench.server.look();
    assert_eq!(server.history, expected(&records()).0.history, "{what}");
    assert_eq!(server.complete, Some(0), "{what}");
    assert_eq!(server.alerts, ["careful"], "{what}");
    assert_eq!(server.artifacts, ["a1"], "{what}");
    assert_eq!(server.files["a.txt"], b"A", "{what}");
}

#[tokio::test(start_paused = true)]
async fn every_trouble_on_every_channel_is_outlived_and_its_cause_says_what_helps() {
    let troubles = [
        (Fault::Unreachable, "check the network"),
        (Fault::Down, "by itself"),
        (Fault::Busy, "when the server wants it"),
        (Fault::Unauthorized, "`wandbd login`"),
        (Fault::Forbidden, "`wandbd retry r1`"),
        (Fault::Gone, "`wandbd retry r1`"),
        (Fault::Conflict, "by itself"),
        (Fault::Rejected, "offered a few times"),
    ];
    for channel in CHANNELS {
        for (fault, advice) in troubles {
            let bench = bench(MemoryServer::new([]));
            let faults = [fault].into();
            bench.server.look().own_faults.insert(channel, faults);
            let (uploader, handle) = bench.uploader();
            let watching = tokio::spawn(causes(handle.clone()));

            let outcome = uploader.run(CancellationToken::new()).await.unwrap();

            let what = format!("{channel} {fault:?}");
            assert_eq!(outcome, Outcome::Delivered, "{what}");
            arrived(&bench, &what);
            bench.assert_no_violation();
            assert!(handle.progress().borrow().skipped.is_empty(), "{what}");
            let causes = {
                drop(handle);
                watching.await.unwrap()
            };
            // A conflict and a refusal of a post are looked into at once; a refused opening is for a person.
            let said = match (channel, fault) {
                ("post", Fault::Conflict | Fault::Rejected) => continue,
                ("open", Fault::Rejected) => "`wandbd sync`",
                ("alert", Fault::Forbidden | Fault::Gone | Fault::Conflict) => "",
                _ => advice,
            };
            assert!(
                causes.iter().any(|cause| cause.contains(said)),
                "{what}: {causes:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_left_out_and_counted() {
    for (channel, fault, reason) in [
        (
            "update",
            Fault::Rejected,
            "config update refused by the server",
        ),
        ("files", Fault::Rejected, "file refused by the server"),
        ("alert", Fault::Rejected, "alert failed"),
        ("alert", Fault::Forbidden, "alert failed"),
        ("alert", Fault::Gone, "alert failed"),
        ("artifact", Fault::Rejected, "artifact failed"),
    ] {
        let bench = bench(MemoryServer::new([]));
        let faults = std::iter::repeat_n(fault, 20).collect();
        bench.server.look().own_faults.insert(channel, faults);

        let progress = bench.deliver().await;

        assert!(
            progress.skipped[reason] > 0,
            "{channel}: {:?}",
            progress.skipped
        );
        assert_eq!(bench.server.look().complete, Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_init_forbids_ends_the_upload_and_nothing_is_sent() {
    let bench = bench(MemoryServer::new([]));
    let usage = [Fault::Usage].into();
    bench.server.look().own_faults.insert("open", usage);
    let (uploader, handle) = bench.uploader();

    let outcome = uploader.run(CancellationToken::new()).await.unwrap();

    assert_eq!(outcome, Outcome::Forbidden);
    let progress = handle.progress().borrow().clone();
    assert_eq!(
        (progress.state, progress.error.as_deref()),
        (State::Parked, Some("test"))
    );
    assert_eq!(progress.cause, "test");
    assert!(bench.server.look().posts.is_empty());

    let progress = bench.deliver().await;
    assert_eq!((progress.state, progress.error), (State::Delivered, None));
}

/// A live run with five rows delivered, then deleted at the server.
async fn deleted() -> (Bench, Handle, tokio::task::JoinHandle<Outcome>) {
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    let mut records = records();
    records.pop();
    bench.feed.append(&records);
    std::fs::create_dir(bench.folder.path().join("files")).unwrap();
    std::fs::write(bench.folder.path().join("files/a.txt"), "A").unwrap();
    let (uploader, handle) = bench.uploader();
    let work = tokio::spawn(async move { uploader.run(CancellationToken::new()).await.unwrap() });
    wait_for(|| {
        let server = bench.server.look();
        server.uploaded.contains(&"a.txt".to_owned()) && !server.alerts.is_empty()
    })
    .await;
    bench.server.look().deleted = true;
    bench.feed.append(&[row(5, "fine")]);
    (bench, handle, work)
}

async fn parked(handle: &Handle) -> Progress {
    let mut progress = handle.progress();
    let parked = progress.wait_for(|progress| progress.state == State::Parked);
    parked.await.unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_deleted_run_is_created_again_with_all_its_data_when_somebody_says_so() {
    let (bench, handle, work) = deleted().await;
    let before = parked(&handle).await;
    assert!(
        before.cause.contains("creates it again"),
        "{}",
        before.cause
    );
    tokio::time::sleep(Duration::from_hours(50)).await;
    assert_eq!(bench.server.look().opens, 1);

    handle.retry();
    bench.feed.append(&[exit(0)]);

    assert_eq!(work.await.unwrap(), Outcome::Delivered);
    let server = bench.server.look();
    assert_eq!(
        (server.opens, server.history.len(), server.complete),
        (2, 6, Some(0))
    );
    assert!(server.starts[1].again && !server.starts[0].again);
    assert_eq!(server.files["a.txt"], b"A");
    assert_eq!((server.alerts.len(), server.artifacts.len()), (1, 1));
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_there_again_is_gone_on_with_when_somebody_says_so() {
    let (bench, handle, work) = deleted().await;
    parked(&handle).await;

    bench.server.look().deleted = false;
    handle.retry();
    bench.feed.append(&[exit(0)]);

    assert_eq!(work.await.unwrap(), Outcome::Delivered);
    let server = bench.server.look();
    assert_eq!((server.opens, server.history.len()), (1, 6));
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_created_again_is_so_also_after_a_restart_in_the_middle_of_it() {
    let (bench, handle, work) = deleted().await;
    parked(&handle).await;
    let hang = [Fault::Hang].into();
    bench.server.look().own_faults.insert("open", hang);
    handle.retry();
    wait_for(|| bench.server.look().own_faults["open"].is_empty()).await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    bench.server.killed();

    bench.feed.append(&[exit(0)]);
    bench.deliver().await;

    let server = bench.server.look();
    assert_eq!(
        (server.opens, server.history.len(), server.complete),
        (2, 6, Some(0))
    );
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_refused_are_seen_as_such() {
    let bench = bench(MemoryServer::new([]));
    let refused = std::iter::repeat_n(Fault::Unauthorized, 3).collect();
    bench.server.look().own_faults.insert("open", refused);
    let (uploader, handle) = bench.uploader();
    let work = tokio::spawn(uploader.run(CancellationToken::new()));

    let mut progress = handle.progress();
    progress
        .wait_for(|progress| progress.unauthorized)
        .await
        .unwrap();
    assert_eq!(work.await.unwrap().unwrap(), Outcome::Delivered);

    assert!(!progress.borrow().unauthorized);
    assert_eq!(bench.server.look().reauthorized, 3);
}
