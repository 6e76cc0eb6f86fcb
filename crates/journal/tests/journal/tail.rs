//! Reading behind the writer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use wandbd_journal::{Committer, Journal, JournalError, Position, Tail, Urgency};

use crate::memory::Memory;
use crate::support::{create, in_time, start};

async fn rest(tail: &mut Tail) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = in_time(tail.next()).await.unwrap() {
        frames.push(frame.data.to_vec());
    }
    frames
}

fn append(journal: &Journal, frame: &str) -> Position {
    journal.append(&[frame], Urgency::Normal).unwrap()
}

#[tokio::test]
async fn a_tail_sees_only_what_is_durable() {
    let files = Memory::new(0);
    let pace = Duration::from_hours(1);
    let (committer, _task) = Committer::with_pace(Arc::new(files.clone()), pace);
    let journal = create(&committer, "a");
    let mut tail = journal.tail(Position::START).unwrap();
    let first = append(&journal, "first");
    journal.wait_durable(first).await.unwrap();
    let second = append(&journal, "second");

    assert_eq!(tail.try_next().unwrap().unwrap().end, first);
    assert_eq!(tail.try_next().unwrap(), None);
    let second = journal
        .append::<&[u8]>(&[], Urgency::Now)
        .unwrap()
        .max(second);
    assert_eq!(tail.next().await.unwrap().unwrap().end, second);
    assert_eq!(journal.durable(), second);
}

#[tokio::test]
async fn a_tail_that_is_asked_and_dropped_again_and_again_misses_nothing() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let mut tail = journal.tail(Position::START).unwrap();
    let written: Vec<Vec<u8>> = (0..50_usize).map(|n| vec![1; n * 997]).collect();
    let mut found = Vec::new();
    for group in written.chunks(2) {
        journal.append(group, Urgency::Normal).unwrap();
        // The limit is shorter than a round, so most of these calls are dropped while they wait.
        if let Ok(frame) = timeout(Duration::from_millis(7), tail.next()).await {
            found.push(frame.unwrap().unwrap().data.to_vec());
        }
        // One that was polled once and dropped.
        let mut next = pin!(tail.next());
        if let Ok(frame) = timeout(Duration::ZERO, &mut next).await {
            found.push(frame.unwrap().unwrap().data.to_vec());
        }
    }
    journal.close();
    found.extend(rest(&mut tail).await);
    assert!(found == written);
}

#[tokio::test]
async fn a_waiting_tail_gets_small_groups_and_urgent_ones() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let mut tail = journal.tail(Position::START).unwrap();
    for urgency in [Urgency::Normal, Urgency::Now] {
        let appended = async { journal.append(&["frame"], urgency).unwrap() };
        let (frame, end) = tokio::join!(in_time(tail.next()), appended);
        assert_eq!(frame.unwrap().unwrap().end, end);
    }
}

#[tokio::test]
async fn several_tails_read_all_and_end_when_the_journal_is_closed() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let middle = append(&journal, "0");
    in_time(journal.wait_durable(middle)).await.unwrap();
    let readers: Vec<_> = [Position::START, middle, Position::START]
        .into_iter()
        .map(|from| {
            let mut tail = journal.tail(from).unwrap();
            tokio::spawn(async move { rest(&mut tail).await })
        })
        .collect();
    for number in 1..200 {
        append(&journal, &number.to_string());
        tokio::task::yield_now().await;
    }
    journal.close();
    let all: Vec<_> = (0..200)
        .map(|number| number.to_string().into_bytes())
        .collect();
    for (reader, from) in readers.into_iter().zip([0, 1, 0]) {
        assert!(in_time(reader).await.unwrap() == all[from..]);
    }
    assert!(journal.committed().borrow().closed);
    let late = journal.append(&[b"late"], Urgency::Now).unwrap_err();
    assert!(matches!(late, JournalError::Closed { .. }), "{late}");
}

#[tokio::test]
async fn closing_a_quiet_journal_twice_ends_a_waiting_tail() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let mut tail = journal.tail(Position::START).unwrap();
    let waiting = tokio::spawn(async move { tail.next().await });
    tokio::task::yield_now().await;
    journal.close();
    journal.close();
    assert_eq!(in_time(waiting).await.unwrap().unwrap(), None);
    let never = in_time(journal.wait_durable(Position(9_999))).await;
    assert!(matches!(never, Err(JournalError::Closed { .. })));
}

#[tokio::test]
async fn a_tail_ends_after_the_last_frame_when_all_handles_are_gone() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let mut tail = journal.tail(Position::START).unwrap();
    append(&journal, "first");
    append(&journal.clone(), "second");
    drop(journal);
    assert_eq!(
        rest(&mut tail).await,
        [b"first".to_vec(), b"second".to_vec()]
    );
}

#[tokio::test]
async fn a_tail_cannot_begin_where_nothing_is_durable_yet() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let error = journal.tail(Position(8)).err().unwrap();
    assert!(matches!(error, JournalError::BeyondEnd { .. }), "{error}");
}
