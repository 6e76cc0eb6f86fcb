//! The real file system.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use wandbd_journal::{Committer, Journal, OsFiles, Position, Urgency, rehome, scan};

use crate::support::{EVERYTHING, each_is_a_group, in_time, read};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_journal_is_private_and_an_existing_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/run-1/run-1.wandb");
    let (committer, _task) = Committer::start(Arc::new(OsFiles));
    Journal::create(&committer, &path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&dir.path().join("state")), 0o700);
    assert_eq!(mode(&dir.path().join("state/run-1")), 0o700);
    let again = Journal::create(&committer, &path).err().unwrap();
    assert!(again.to_string().contains("run-1.wandb"), "{again}");
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_the_journal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run-1.wandb");
    let (committer, _task) = Committer::start(Arc::new(OsFiles));
    let journal = Journal::create(&committer, &path).unwrap();
    let frames: Vec<Vec<u8>> = (0..5_000)
        .map(|n: u32| n.to_le_bytes().repeat(60))
        .collect();
    let end = journal.append(&frames, Urgency::Normal).unwrap();
    in_time(journal.wait_durable(end)).await.unwrap();
    journal.append(&[b"torn"], Urgency::Now).unwrap();
    drop(journal);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(end.0 + 9).unwrap();

    let scan = scan(&OsFiles, &path, &mut each_is_a_group).unwrap();
    assert_eq!((scan.end, scan.groups, scan.cut_bytes), (end, 5_000, 9));
    let journal = Journal::resume(&committer, &path, &scan).unwrap();
    let last = journal.append(&[b"next"], Urgency::Normal).unwrap();
    in_time(journal.wait_durable(last)).await.unwrap();
    rehome(&OsFiles, &path, last).unwrap();

    let found = read(&OsFiles, &path, EVERYTHING).unwrap();
    assert!(found[..5_000] == frames);
    assert_eq!(found[5_000..], [b"next".to_vec()]);
    assert_eq!(mode(&path), 0o600);
    assert!(last > Position::START);
}
