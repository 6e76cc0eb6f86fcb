//! Rounds of commits: when they begin, what they take, what they wait for.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use wandbd_journal::{Committer, Journal, JournalError, Position, Urgency};

use crate::memory::Memory;
use crate::support::{EVERYTHING, create, in_time, path, read, start};

const ROUND: Duration = Duration::from_millis(20);
/// No test takes so long.
const LONG: Duration = Duration::from_hours(1);

/// Appends one frame.
fn append(journal: &Journal, urgency: Urgency) -> Position {
    journal.append(&[b"some frame"], urgency).unwrap()
}

#[tokio::test]
async fn an_urgent_wish_without_frames_commits_what_is_waiting() {
    let files = Memory::new(0);
    // The next round is far away.
    let (committer, _task) = Committer::with_pace(Arc::new(files.clone()), LONG);
    let journal = create(&committer, "a");
    journal
        .wait_durable(append(&journal, Urgency::Normal))
        .await
        .unwrap();
    let position = append(&journal, Urgency::Normal);
    let same = journal.append::<&[u8]>(&[], Urgency::Now).unwrap();
    in_time(journal.wait_durable(same)).await.unwrap();
    assert_eq!(position, same);
}

#[tokio::test]
async fn an_append_waits_for_its_round_and_an_urgent_one_takes_it_along() {
    let files = Memory::new(0);
    let (committer, _task) = Committer::with_pace(Arc::new(files.clone()), LONG);
    let (journal, other) = (create(&committer, "a"), create(&committer, "b"));
    let first = append(&journal, Urgency::Normal);
    in_time(journal.wait_durable(first)).await.unwrap();

    let second = append(&journal, Urgency::Normal);
    let before = files.syncs();
    tokio::time::sleep(ROUND).await;
    assert_eq!((journal.durable(), files.syncs()), (first, before));

    let urgent = append(&other, Urgency::Now);
    in_time(other.wait_durable(urgent)).await.unwrap();
    in_time(journal.wait_durable(second)).await.unwrap();
}

#[tokio::test]
async fn a_burst_of_appends_shares_a_few_syncs() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journals = ["a", "b"].map(|name| create(&committer, name));
    let (before, began) = (files.syncs(), Instant::now());
    for _ in 0..1_000 {
        for journal in &journals {
            append(journal, Urgency::Normal);
        }
    }
    for journal in &journals {
        let end = append(journal, Urgency::Normal);
        journal.wait_durable(end).await.unwrap();
        assert_eq!(journal.durable(), end);
    }
    let syncs = files.syncs() - before;
    let rounds = 2 + began.elapsed().as_millis() / ROUND.as_millis();
    assert!(
        (2..=2 * rounds).contains(&u128::from(syncs)),
        "{syncs} syncs for 2,002 appends in {rounds} rounds"
    );
}

/// Lets syncs in only together.
#[derive(Default)]
struct Gate {
    inside: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Gate {
    /// Waits until `together` are inside (the limit is for the test's failure).
    fn pass(&self, together: usize) {
        let mut inside = self.inside.lock().unwrap();
        inside.0 += 1;
        inside.1 = inside.1.max(inside.0);
        self.changed.notify_all();
        let limit = Duration::from_secs(20);
        let wait = |inside: &mut (usize, usize)| inside.1 < together;
        let (mut inside, _) = self
            .changed
            .wait_timeout_while(inside, limit, wait)
            .unwrap();
        inside.0 -= 1;
    }

    fn most(&self) -> usize {
        self.inside.lock().unwrap().1
    }
}

#[tokio::test]
async fn eight_files_are_synced_side_by_side_and_not_more() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let journals: Vec<_> = names.iter().map(|name| create(&committer, name)).collect();
    let gate = Arc::new(Gate::default());
    let inside = Arc::clone(&gate);
    files.faults(|faults, _| faults.before_sync = Some(Arc::new(move |_| inside.pass(8))));
    let ends: Vec<_> = journals
        .iter()
        .map(|one| append(one, Urgency::Normal))
        .collect();
    for (journal, end) in journals.iter().zip(ends) {
        in_time(journal.wait_durable(end)).await.unwrap();
    }
    assert_eq!(gate.most(), 8);
}

#[tokio::test]
async fn a_file_whose_sync_hangs_delays_only_itself() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let (hung, healthy) = (create(&committer, "hung"), create(&committer, "healthy"));
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hook = move |path: &Path| {
        if path.ends_with("hung") {
            let released = wait.lock().unwrap().recv();
            assert!(released.is_err(), "the sender is dropped");
        }
    };
    files.faults(|faults, _| faults.before_sync = Some(Arc::new(hook)));

    let late = append(&hung, Urgency::Now);
    for _ in 0..5 {
        let end = append(&healthy, Urgency::Normal);
        in_time(healthy.wait_durable(end)).await.unwrap();
    }
    assert_eq!(hung.durable(), Position::START);

    drop(release);
    in_time(hung.wait_durable(late)).await.unwrap();
}

#[tokio::test]
async fn what_comes_during_a_sync_is_committed_by_the_next_one() {
    let files = Memory::new(0);
    let (committer, _task) = start(&files);
    let journal = create(&committer, "a");
    let (entered, was_entered) = std::sync::mpsc::channel();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let both = Mutex::new((entered, wait));
    let hook = move |_: &Path| {
        let both = both.lock().unwrap();
        // Both ends are gone once the test has seen what it wanted.
        both.0.send(()).ok();
        both.1.recv().ok();
    };
    files.faults(|faults, _| faults.before_sync = Some(Arc::new(hook)));

    let first = append(&journal, Urgency::Normal);
    let was_entered = tokio::task::spawn_blocking(move || {
        was_entered.recv_timeout(Duration::from_secs(20)).unwrap();
        was_entered
    });
    let was_entered = was_entered.await.unwrap();
    let second = append(&journal, Urgency::Now);
    release.send(()).unwrap();
    in_time(journal.wait_durable(first)).await.unwrap();
    assert_eq!(
        journal.durable(),
        first,
        "the second is not promised by the first sync"
    );
    drop((release, was_entered));
    in_time(journal.wait_durable(second)).await.unwrap();
}

#[tokio::test]
async fn shutdown_commits_what_is_dirty_and_later_appends_are_refused() {
    let files = Memory::new(0);
    let (committer, task) = start(&files);
    let journals: Vec<_> = ["a", "b", "c"].map(|name| create(&committer, name)).into();
    for journal in &journals {
        journal
            .wait_durable(append(journal, Urgency::Normal))
            .await
            .unwrap();
    }
    let ends: Vec<_> = journals
        .iter()
        .map(|one| append(one, Urgency::Normal))
        .collect();
    in_time(task.shutdown()).await.unwrap();
    for (journal, end) in journals.iter().zip(ends) {
        assert_eq!(journal.durable(), end);
        let error = journal.append(&[b"late"], Urgency::Now).unwrap_err();
        assert!(matches!(error, JournalError::Stopped { .. }), "{error}");
    }
    assert_eq!(read(&files, &path("a"), EVERYTHING).unwrap().len(), 2);
}

#[tokio::test]
async fn a_dropped_task_still_commits_what_is_dirty() {
    let files = Memory::new(0);
    let (committer, task) = start(&files);
    let journal = create(&committer, "a");
    journal
        .wait_durable(append(&journal, Urgency::Normal))
        .await
        .unwrap();
    let end = append(&journal, Urgency::Normal);
    drop(task);
    in_time(journal.wait_durable(end)).await.unwrap();
}
