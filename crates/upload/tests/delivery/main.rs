//! An uploader between a journal in memory and a destination that fails as it is told. Time is paused: waits cost nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test crate"
)]

mod artifacts;
mod bench;
mod feed;
mod journal;
mod kills;
mod recovery;
mod server;
mod writers;

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wandbd_upload::{Outcome, State};

use bench::{Bench, expected};
use feed::{MemoryFeed, artifact, config, exit, file, output, row, run, stats, summary};
use server::{Fault, MemoryServer};

fn rows(steps: std::ops::Range<i64>) -> Vec<wandbd_record::wandb::Record> {
    steps.map(|step| row(step, "fine")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_whole_run_arrives_and_complete_comes_last() {
    let mut records = vec![
        run(),
        config(1),
        stats(5),
        output("hello\n"),
        artifact("a1"),
    ];
    records.extend(rows(0..50));
    records.extend([summary(9), config(2), exit(3)]);
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));

    let progress = bench.deliver().await;

    let (batch, lines) = expected(&records);
    let server = bench.server.look();
    assert_eq!(server.history, batch.history);
    assert_eq!(server.events, batch.events);
    assert_eq!(server.console, batch.console);
    assert_eq!(server.summary, Some(lines.summary_json()));
    assert_eq!(server.config, Some(lines.config_json()));
    assert_eq!(server.artifacts, ["a1"]);
    assert_eq!(server.files["output.log"], b"hello\n");
    assert!(server.uploaded.contains(&"config.yaml".to_owned()));
    assert_eq!(server.complete, Some(3));
    assert_eq!(server.opens, 1);
    drop(server);
    bench.assert_no_violation();
    assert_eq!(*bench.artifacts_done.lock().unwrap(), ["a1"]);
    assert_eq!(
        (progress.state, progress.rows_delivered),
        (State::Delivered, 50)
    );
    assert_eq!(progress.bytes_pending, 0);
}

#[tokio::test(start_paused = true)]
async fn a_short_run_needs_two_posts() {
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    bench.feed.append(&[run()]);
    let (uploader, _handle) = bench.uploader();
    let work = tokio::spawn(uploader.run(CancellationToken::new()));
    wait_for(|| bench.server.look().posts.len() == 1).await;

    bench.feed.append(&[row(0, "fine"), exit(0)]);

    assert_eq!(work.await.unwrap().unwrap(), Outcome::Delivered);
    assert_eq!(bench.server.look().posts.len(), 2);
    assert_eq!(bench.server.look().history.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_passing_trouble_is_outlived() {
    let faults = [
        Fault::Unreachable,
        Fault::Unauthorized,
        Fault::AnswerLost,
        Fault::Down,
        Fault::Hang,
        Fault::Busy,
        Fault::Forbidden,
        Fault::AnswerLost,
        Fault::Unauthorized,
        Fault::Hang,
        Fault::Down,
    ];
    let mut records = vec![run()];
    records.extend(rows(0..30));
    records.push(exit(0));
    let bench = Bench::new(MemoryServer::new(faults), MemoryFeed::finished(&records));

    bench.deliver().await;

    let server = bench.server.look();
    assert_eq!(server.history, expected(&records).0.history);
    assert_eq!(server.complete, Some(0));
    assert!(server.reauthorized >= 2);
    assert!(server.faults.is_empty());
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn a_file_without_an_exit_record_ends_with_exit_code_1() {
    let records = [run(), row(0, "fine")];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));

    bench.deliver().await;

    assert_eq!(bench.server.look().complete, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_line_is_put_aside_and_all_others_arrive() {
    let mut server = MemoryServer::new([]);
    server.pace.max_post_bytes = 100_000;
    server.look().poison = Some("poison");
    let mut records = vec![run()];
    records.extend(rows(0..20));
    records.push(row(20, "poison"));
    records.extend(rows(21..40));
    records.push(exit(0));
    let bench = Bench::new(server, MemoryFeed::finished(&records));

    let progress = bench.deliver().await;

    let server = bench.server.look();
    let mut wanted = expected(&records).0.history;
    wanted[20] = r#"{"_step":20,"_timestamp":1000.5}"#.into();
    assert_eq!(server.history, wanted);
    assert_eq!(progress.lines_quarantined, 1);
    let kept = std::fs::read_to_string(bench.journal().with_extension("wandb.quarantine")).unwrap();
    assert!(
        kept.starts_with("# wandb-history.jsonl 20: ") && kept.contains("poison"),
        "{kept}"
    );
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_run_is_parked_until_somebody_says_retry() {
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    bench.feed.append(&[run()]);
    let (uploader, handle) = bench.uploader();
    let work = tokio::spawn(uploader.run(CancellationToken::new()));
    wait_for(|| handle.progress().borrow().position > 0).await;

    bench.server.look().post_faults.push_back(Fault::Gone);
    bench.feed.append(&[row(0, "fine")]);

    let mut progress = handle.progress();
    progress
        .wait_for(|p| p.state == State::Parked)
        .await
        .unwrap();
    assert!(
        progress.borrow().cause.contains("404"),
        "{:?}",
        progress.borrow().cause
    );
    let posts = bench.server.look().posts.len();
    tokio::time::sleep(Duration::from_hours(50)).await;
    assert_eq!(bench.server.look().posts.len(), posts);

    handle.retry();
    bench.feed.append(&[exit(0)]);

    assert_eq!(work.await.unwrap().unwrap(), Outcome::Delivered);
    assert_eq!(bench.server.look().history.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_makes_it_ask_for_the_run_once() {
    let records = [run(), row(0, "fine"), exit(0)];
    let server = MemoryServer::new([]);
    server.look().post_faults.push_back(Fault::Conflict);
    let bench = Bench::new(server, MemoryFeed::finished(&records));

    bench.deliver().await;

    assert_eq!(bench.server.look().opens, 2);
    assert_eq!(bench.server.look().history.len(), 1);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_a_pause_is_obeyed() {
    let records = [run(), row(0, "fine"), exit(0)];
    let server = MemoryServer::new([]);
    server.look().post_faults.push_back(Fault::Busy);
    let bench = Bench::new(server, MemoryFeed::finished(&records));

    bench.deliver().await;

    let posts = &bench.server.look().posts;
    assert!(posts[1] - posts[0] >= Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn a_silent_run_shows_that_it_is_alive() {
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    bench.feed.append(&[run()]);
    let (uploader, _handle) = bench.uploader();
    let work = tokio::spawn(uploader.run(CancellationToken::new()));

    tokio::time::sleep(Duration::from_mins(5)).await;

    let posts = bench.server.look().posts.clone();
    assert!((11..=13).contains(&posts.len()), "{}", posts.len());
    work.abort();
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_leaves_the_rest_for_the_next_start() {
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    bench.feed.append(&[run(), row(0, "fine")]);
    let (uploader, _handle) = bench.uploader();
    let stop = CancellationToken::new();
    let work = tokio::spawn(uploader.run(stop.clone()));
    wait_for(|| bench.server.look().history.len() == 1).await;
    let mut rest = rows(1..30);
    rest.push(exit(0));
    bench.feed.append(&rest);

    let begun = Instant::now();
    stop.cancel();
    assert_eq!(work.await.unwrap().unwrap(), Outcome::Stopped);
    assert!(begun.elapsed() < Duration::from_secs(5));
    bench.deliver().await;

    let server = bench.server.look();
    assert_eq!(server.history.len(), 30);
    assert_eq!((server.opens, server.complete), (1, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_cursor_sends_the_same_lines_to_the_same_offsets() {
    let mut records = vec![run()];
    records.extend(rows(0..30));
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
    bench.server.look().history = vec!["{\"before\":1}".into(); 5];
    bench.feed.append(&records);
    let (uploader, _handle) = bench.uploader();
    let stop = CancellationToken::new();
    let work = tokio::spawn(uploader.run(stop.clone()));
    wait_for(|| bench.server.look().history.len() == 35).await;
    stop.cancel();
    assert_eq!(work.await.unwrap().unwrap(), Outcome::Stopped);

    let cursor = bench.folder.path().join("run-r1.wandb.cursor");
    let mut bytes = std::fs::read(&cursor).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&cursor, bytes).unwrap();
    bench.feed.append(&[row(30, "fine"), exit(0)]);
    bench.deliver().await;

    let server = bench.server.look();
    assert_eq!((server.opens, server.history.len()), (1, 36));
    drop(server);
    bench.assert_no_violation();
}

#[tokio::test(start_paused = true)]
async fn files_are_told_once_and_a_vanished_one_holds_up_nothing() {
    let records = [
        run(),
        file("a.txt"),
        file("gone.txt"),
        file("../b"),
        exit(0),
    ];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    std::fs::create_dir(bench.folder.path().join("files")).unwrap();
    std::fs::write(bench.folder.path().join("files/a.txt"), "A").unwrap();

    let progress = bench.deliver().await;

    let server = bench.server.look();
    assert_eq!(server.files["a.txt"], b"A");
    let told = server.uploaded.iter().filter(|name| *name == "a.txt");
    assert_eq!(told.count(), 1);
    assert_eq!(progress.skipped["file vanished"], 1);
    assert_eq!(progress.skipped["file outside the run's folder"], 1);
    assert_eq!(server.complete, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_request_to_stop_the_run_is_passed_on() {
    let records = [run(), row(0, "fine"), exit(0)];
    let server = MemoryServer::new([]);
    server.look().stop = true;
    let bench = Bench::new(server, MemoryFeed::finished(&records));

    let progress = bench.deliver().await;

    assert!(progress.stopped);
}

#[tokio::test(start_paused = true)]
async fn a_delivered_run_is_not_sent_again() {
    let records = [run(), row(0, "fine"), exit(0)];
    let bench = Bench::new(MemoryServer::new([]), MemoryFeed::finished(&records));
    bench.deliver().await;
    let posts = bench.server.look().posts.len();

    let progress = bench.deliver().await;

    assert_eq!(progress.state, State::Delivered);
    assert_eq!(bench.server.look().posts.len(), posts);
}

/// Waits for something that is about to happen.
async fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen");
}
