//! Disks that are full or broken.

use wandbd_journal::{Journal, JournalError, Position, Urgency, rehome};

use crate::memory::Memory;
use crate::support::{EVERYTHING, create, in_time, path, read, start};

#[tokio::test]
async fn a_full_disk_refuses_the_group_whole_and_the_journal_goes_on() {
    let files = Memory::new(7);
    let (committer, task) = start(&files);
    let journal = create(&committer, "a");
    journal.append(&[b"first"], Urgency::Normal).unwrap();

    files.faults(|faults, _| faults.full_one_in = Some(1));
    for _ in 0..20 {
        let error = journal
            .append(&[[1; 5_000], [2; 5_000]], Urgency::Normal)
            .unwrap_err();
        assert!(error.is_disk_full(), "{error}");
    }
    files.faults(|faults, _| faults.full_one_in = None);

    journal.append(&[b"second"], Urgency::Normal).unwrap();
    in_time(task.shutdown()).await.unwrap();
    let found = read(&files, &path("a"), EVERYTHING).unwrap();
    assert_eq!(found, [b"first".to_vec(), b"second".to_vec()]);
}

#[tokio::test]
async fn short_writes_are_carried_on() {
    let files = Memory::new(7);
    files.faults(|faults, _| faults.short_one_in = Some(1));
    let (committer, task) = start(&files);
    let journal = create(&committer, "a");
    journal
        .append(&[vec![1; 100_000], vec![]], Urgency::Normal)
        .unwrap();
    in_time(task.shutdown()).await.unwrap();
    let found = read(&files, &path("a"), EVERYTHING).unwrap();
    assert_eq!(found, [vec![1; 100_000], vec![]]);
}

#[tokio::test]
async fn a_write_that_cannot_be_undone_ends_the_journal() {
    let files = Memory::new(7);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let end = journal.append(&[b"first"], Urgency::Normal).unwrap();
    in_time(journal.wait_durable(end)).await.unwrap();
    files.faults(|faults, _| {
        faults.full_one_in = Some(1);
        faults.set_len_fails = true;
    });
    for _ in 0..2 {
        let error = journal.append(&[b"second"], Urgency::Normal).unwrap_err();
        let JournalError::Failed { cause, .. } = error else {
            panic!("{error}");
        };
        assert!(matches!(*cause, JournalError::NotUndone { .. }), "{cause}");
    }
    assert_eq!(journal.committed().borrow().durable, end);
}

#[tokio::test]
async fn a_failed_sync_is_not_tried_again_and_everybody_is_told() {
    let files = Memory::new(7);
    let (committer, task) = start(&files);
    let journal = create(&committer, "a");
    let safe = journal.append(&[b"first"], Urgency::Normal).unwrap();
    in_time(journal.wait_durable(safe)).await.unwrap();
    let mut tail = journal.tail(Position::START).unwrap();

    files.faults(|faults, _| faults.sync_fails = true);
    let lost = journal.append(&[b"second"], Urgency::Normal).unwrap();
    let error = in_time(journal.wait_durable(lost)).await.unwrap_err();
    files.faults(|faults, _| faults.sync_fails = false);
    let syncs = files.syncs();

    assert!(matches!(&error, JournalError::Failed { cause, .. }
        if matches!(**cause, JournalError::SyncFailed { .. })));
    let refused = journal.append(&[b"third"], Urgency::Now).unwrap_err();
    assert!(matches!(refused, JournalError::Failed { .. }), "{refused}");
    assert_eq!(in_time(tail.next()).await.unwrap().unwrap().end, safe);
    let ended = in_time(tail.next()).await.unwrap_err();
    assert!(matches!(ended, JournalError::Failed { .. }), "{ended}");
    in_time(task.shutdown()).await.unwrap();
    assert_eq!(files.syncs(), syncs, "the file was synced again");
}

#[tokio::test]
async fn after_a_failed_sync_the_run_goes_on_in_a_new_file_at_the_same_positions() {
    let files = Memory::new(7);
    let (committer, _task) = start(&files);
    let broken = create(&committer, "a");
    let safe = broken
        .append(&[vec![1; 2_000_000]], Urgency::Normal)
        .unwrap();
    in_time(broken.wait_durable(safe)).await.unwrap();
    files.faults(|faults, _| faults.sync_fails = true);
    let lost = broken.append(&[b"lost"], Urgency::Normal).unwrap();
    in_time(broken.wait_durable(lost)).await.unwrap_err();
    files.faults(|faults, _| faults.sync_fails = false);

    rehome(&files, &path("a"), safe).unwrap();
    let journal = Journal::resume_at(&committer, &path("a"), safe).unwrap();
    let again = journal.append(&[b"sent again"], Urgency::Normal).unwrap();
    in_time(journal.wait_durable(again)).await.unwrap();

    let mut tail = journal.tail(safe).unwrap();
    let frame = in_time(tail.next()).await.unwrap().unwrap();
    assert_eq!(
        (frame.end, &frame.data[..]),
        (again, b"sent again".as_slice())
    );
    files.cut_power();
    let found = read(&files.restart(), &path("a"), EVERYTHING).unwrap();
    assert_eq!(found, [vec![1; 2_000_000], b"sent again".to_vec()]);
}

#[tokio::test]
async fn a_journal_is_never_extended_by_going_on_behind_its_end() {
    let files = Memory::new(7);
    let (committer, _task) = start(&files);
    create(&committer, "a");
    let behind = Position(1_000);
    let resumed = Journal::resume_at(&committer, &path("a"), behind);
    assert!(matches!(
        resumed.err(),
        Some(JournalError::BeyondEnd { .. })
    ));
    let rehomed = rehome(&files, &path("a"), behind);
    assert!(matches!(rehomed, Err(JournalError::BeyondEnd { .. })));
    assert_eq!(files.content(&path("a")).len(), 7);
}
