//! The same over a real journal on disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wandbd_journal::{Committer, Journal, OsFiles, Urgency};
use wandbd_record::note;
use wandbd_record::wandb::Record;
use wandbd_upload::{FileFeed, LiveFeed, Outcome, Setup, Uploader, delivered, forget};

use crate::feed::{exit, row, run};
use crate::server::MemoryServer;

fn append(journal: &Journal, records: &[Record]) {
    let frames: Vec<Vec<u8>> = records.iter().map(note::encode).collect();
    journal.append(&frames, Urgency::Now).unwrap();
}

#[tokio::test]
async fn a_journal_is_delivered_while_it_is_written_and_again_as_a_file_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run-r1.wandb");
    let (committer, _task) = Committer::start(Arc::new(OsFiles));
    let journal = Journal::create(&committer, &path).unwrap();
    let server = Arc::new(MemoryServer::new([]));
    let handle = journal.clone();
    let feed = Arc::new(LiveFeed::new(move || handle.clone()));
    let destination = Arc::<MemoryServer>::clone(&server);
    let setup = Setup::new(feed, &path, Arc::new(OsFiles), destination);
    let (uploader, live) = Uploader::new(setup);
    let work = tokio::spawn(uploader.run(CancellationToken::new()));

    append(&journal, &[run(), row(0, "fine")]);
    let mut progress = live.progress();
    let first = progress.wait_for(|progress| progress.rows_delivered == 1);
    timeout(Duration::from_secs(30), first)
        .await
        .unwrap()
        .unwrap();
    append(&journal, &[row(1, "fine"), exit(0)]);
    journal.close();
    let outcome = timeout(Duration::from_secs(30), work).await.unwrap();

    assert_eq!(outcome.unwrap().unwrap(), Outcome::Delivered);
    assert_eq!(server.look().history.len(), 2);
    assert!(delivered(&OsFiles, &path).unwrap().completed);

    forget(&OsFiles, &path).unwrap();
    let server = Arc::new(MemoryServer::new([]));
    let feed = Arc::new(FileFeed::new(Arc::new(OsFiles), &path));
    let destination = Arc::<MemoryServer>::clone(&server);
    let setup = Setup::new(feed, &path, Arc::new(OsFiles), destination);
    let (uploader, _handle) = Uploader::new(setup);
    let work = uploader.run(CancellationToken::new());
    let outcome = timeout(Duration::from_secs(30), work).await.unwrap();

    assert_eq!(outcome.unwrap(), Outcome::Delivered);
    let server = server.look();
    assert_eq!((server.history.len(), server.complete), (2, Some(0)));
}
