//! Files, alerts and parameters; several writers of one run; files that grow.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wandbd_journal::OsFiles;
use wandbd_record::v1;
use wandbd_record::wandb::Record;
use wandbd_upload::{FollowFeed, Outcome, ParamsChange, Setup, Uploader};

use crate::bench::Bench;
use crate::feed::{
    MemoryFeed, PolicyType, alert, changed, config, exit, output, row, run, said, saved, summary,
};
use crate::server::MemoryServer;
use crate::wait_for;

/// A live run in a folder with files.
struct Live {
    bench: Bench,
    work: tokio::task::JoinHandle<Outcome>,
    stop: CancellationToken,
}

impl Live {
    fn start(records: &[Record], files: &[(&str, &str)]) -> Live {
        let bench = Bench::new(MemoryServer::new([]), MemoryFeed::live());
        let live = Live::over(bench);
        for (name, content) in files {
            live.write(name, content);
        }
        live.bench.feed.append(records);
        live
    }

    fn over(bench: Bench) -> Live {
        let (uploader, _handle) = bench.uploader();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let work = tokio::spawn(async move { uploader.run(token).await.unwrap() });
        Live { bench, work, stop }
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.bench.folder.path().join("files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn content(&self, name: &str) -> String {
        let server = self.bench.server.look();
        let content = server.files.get(name).cloned().unwrap_or_default();
        String::from_utf8(content).unwrap()
    }

    fn puts(&self, name: &str) -> usize {
        let server = self.bench.server.look();
        server.puts.get(name).copied().unwrap_or_default()
    }

    /// How often the server was told that it has the file.
    fn told(&self, name: &str) -> usize {
        let server = self.bench.server.look();
        server.uploaded.iter().filter(|told| *told == name).count()
    }

    async fn ends(self) -> Bench {
        self.bench.feed.append(&[exit(0)]);
        assert_eq!(self.work.await.unwrap(), Outcome::Delivered);
        self.bench.assert_no_violation();
        self.bench
    }

    async fn restarts(self) -> Live {
        self.stop.cancel();
        assert_eq!(self.work.await.unwrap(), Outcome::Stopped);
        Live::over(self.bench)
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_file_goes_when_it_changes_and_at_the_end_and_others_when_they_should() {
    let files = [("live.txt", "one"), ("now.txt", "one"), ("end.txt", "one")];
    let records = [
        run(),
        saved("live.txt", PolicyType::Live),
        saved("now.txt", PolicyType::Now),
        saved("end.txt", PolicyType::End),
    ];
    let live = Live::start(&records, &files);
    wait_for(|| live.puts("live.txt") == 1 && live.puts("now.txt") == 1).await;
    assert_eq!(live.puts("end.txt"), 0);

    for name in ["live.txt", "now.txt", "end.txt"] {
        live.write(name, "two, longer");
    }
    wait_for(|| live.content("live.txt") == "two, longer").await;
    live.write("live.txt", "three, even longer");
    let bench = live.ends().await;

    let server = bench.server.look();
    assert_eq!(server.files["live.txt"], b"three, even longer");
    assert_eq!(server.files["now.txt"], b"one");
    assert_eq!(server.files["end.txt"], b"two, longer");
    assert_eq!((server.puts["live.txt"], server.puts["end.txt"]), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn content_that_has_arrived_is_not_sent_again() {
    let records = [
        run(),
        saved("a", PolicyType::Live),
        saved("b", PolicyType::Now),
    ];
    let live = Live::start(&records, &[("a", "same"), ("b", "first")]);
    wait_for(|| live.told("a") == 1 && live.told("b") == 1).await;

    live.write("a", "same");
    live.bench.feed.append(&[saved("b", PolicyType::Now)]);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!((live.puts("a"), live.puts("b")), (1, 1));
    let live = live.restarts().await;
    live.write("b", "second");
    live.bench.feed.append(&[saved("b", PolicyType::Now)]);
    wait_for(|| live.told("b") == 2).await;
    let live = live.restarts().await;
    live.write("b", "not asked for");
    tokio::time::sleep(Duration::from_mins(1)).await;
    let bench = live.ends().await;

    let server = bench.server.look();
    assert_eq!((server.puts["a"], server.puts["b"]), (1, 2));
    assert_eq!(server.files["b"], b"second");
}

#[tokio::test(start_paused = true)]
async fn ignored_files_stay_here() {
    let start = said(|open| {
        open.ignore_glob = vec!["*.ckpt".into(), "config.yaml".into(), "output*".into()];
    });
    let names = ["a.ckpt", "sub/b.ckpt", "c.txt"];
    let mut records = vec![start, output("text\n")];
    records.extend(names.map(|name| saved(name, PolicyType::Now)));
    let live = Live::start(&records, &names.map(|name| (name, "x")));

    let bench = live.ends().await;

    let server = bench.server.look();
    let sent: Vec<&String> = server.files.keys().collect();
    assert_eq!(sent, ["c.txt", "sub/b.ckpt"]);
    assert_eq!(server.console.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_writer_beside_the_primary_one_sends_its_console_and_what_the_user_saves() {
    let start = said(|open| {
        open.shared = Some(v1::Shared {
            label: "node-1".into(),
            ..v1::Shared::default()
        });
    });
    let names = ["requirements.txt", "wandb-metadata.json", "mine.txt"];
    let mut records = vec![start, row(0, "fine"), summary(1), output("text\n")];
    records.extend(names.map(|name| saved(name, PolicyType::Now)));
    let live = Live::start(&records, &names.map(|name| (name, "x")));

    let bench = live.ends().await;

    let posts = {
        let server = bench.server.look();
        let sent: Vec<&String> = server.files.keys().collect();
        assert_eq!(sent, ["mine.txt", "output.log"]);
        assert_eq!((server.history.len(), server.summary.is_some()), (1, true));
        assert_eq!(server.complete, None);
        server.posts.len()
    };
    bench.deliver().await;
    assert_eq!(bench.server.look().posts.len(), posts);
}

#[tokio::test(start_paused = true)]
async fn console_files_in_a_series_go_when_they_are_complete() {
    let start = said(|open| {
        open.console_files = Some(v1::ConsoleFiles {
            multipart: true,
            max_bytes: 12,
            ..v1::ConsoleFiles::default()
        });
    });
    let say = |n: usize| output(&format!("line {n}\n"));
    // Lines are complete when they have left the terminal's window.
    let mut records = vec![start];
    records.extend((10..70).map(say));
    let live = Live::start(&records, &[]);
    let uploaded = |live: &Live| {
        let server = live.bench.server.look();
        let logs = server
            .files
            .iter()
            .filter(|(name, _)| name.starts_with("logs/output_"));
        let texts = logs.map(|(_, text)| String::from_utf8(text.clone()).unwrap());
        texts.collect::<Vec<String>>()
    };
    wait_for(|| !uploaded(&live).is_empty()).await;
    let first = "logs/output_19700101_000000_000000000.log";
    wait_for(|| live.told(first) == 1).await;
    let begun = uploaded(&live);
    let live = live.restarts().await;
    let more: Vec<Record> = (70..80).map(say).collect();
    live.bench.feed.append(&more);

    let bench = live.ends().await;

    let server = bench.server.look();
    let series = server.files.iter();
    let series = series.filter(|(name, _)| name.starts_with("logs/"));
    let contents: Vec<_> = series.map(|(_, text)| text.clone()).collect();
    let lines: Vec<Vec<u8>> = (10..80)
        .map(|n| format!("line {n}\n").into_bytes())
        .collect();
    assert_eq!(contents, lines);
    assert_eq!(begun[0], "line 10\n");
    assert!(!server.files.contains_key("output.log"));
    assert!(
        server.puts.values().all(|puts| *puts == 1),
        "{:?}",
        server.puts
    );
    assert_eq!(server.console.len(), 70);
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_told_once_also_over_a_restart() {
    let live = Live::start(&[run(), alert("first")], &[]);
    wait_for(|| live.bench.server.look().alerts.len() == 1).await;
    let live = live.restarts().await;
    live.bench.feed.append(&[alert("second"), alert("second")]);
    wait_for(|| live.bench.server.look().alerts.len() == 3).await;

    let live = live.restarts().await;
    let bench = live.ends().await;

    assert_eq!(bench.server.look().alerts, ["first", "second", "second"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_of_the_parameters_is_told_and_what_is_cleared_is_cleared() {
    let start = |change: &dyn Fn(&mut wandbd_record::wandb::RunRecord)| {
        changed(|run| {
            run.notes = "draft".into();
            run.tags = vec!["a".into()];
            change(run);
        })
    };
    let live = Live::start(&[start(&|_| {})], &[]);
    wait_for(|| live.bench.server.look().opens == 1).await;
    let updates = |live: &Live| live.bench.server.look().updates;

    live.bench
        .feed
        .append(&[start(&|run| run.display_name = "new".into())]);
    wait_for(|| updates(&live) == 1).await;
    live.bench.feed.append(&[config(1)]);
    wait_for(|| updates(&live) == 2).await;
    let live = live.restarts().await;
    live.bench.feed.append(&[start(&|run| {
        run.display_name = "new".into();
        run.notes.clear();
        run.tags.clear();
    })]);
    wait_for(|| updates(&live) == 3).await;
    let live = live.restarts().await;
    let bench = live.ends().await;

    let name = ParamsChange {
        display_name: Some("new".into()),
        ..ParamsChange::default()
    };
    let cleared = ParamsChange {
        notes: Some(String::new()),
        tags: Some(Vec::new()),
        ..ParamsChange::default()
    };
    assert_eq!(bench.server.look().params, [name, cleared]);
    assert_eq!(bench.server.look().updates, 3);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_grows_is_followed_until_its_run_ends_or_somebody_says_that_it_will_not_grow() {
    use wandbd_journal::{Committer, Journal, Urgency};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run-r1.wandb");
    let (committer, _task) = Committer::start(Arc::new(OsFiles));
    let journal = Journal::create(&committer, &path).unwrap();
    let append = |records: &[Record]| {
        let frames: Vec<Vec<u8>> = records.iter().map(wandbd_record::note::encode).collect();
        journal.append(&frames, Urgency::Now).unwrap();
    };
    append(&[run(), row(0, "fine")]);
    let server = Arc::new(MemoryServer::new([]));
    let feed = FollowFeed::new(Arc::new(OsFiles), &path);
    let destination = Arc::<MemoryServer>::clone(&server);
    let setup = Setup::new(
        Arc::new(feed.clone()),
        &path,
        Arc::new(OsFiles),
        destination,
    );
    let (uploader, _handle) = Uploader::new(setup);
    let work = tokio::spawn(uploader.run(CancellationToken::new()));
    wait_for(|| server.look().history.len() == 1).await;

    append(&[row(1, "fine")]);
    wait_for(|| server.look().history.len() == 2).await;
    append(&[row(2, "fine")]);
    feed.finish();

    assert_eq!(work.await.unwrap().unwrap(), Outcome::Delivered);
    let server = server.look();
    assert_eq!((server.history.len(), server.complete), (3, Some(1)));
}
