//! A file system that hangs holds up its own run and no other.

use tokio::time::timeout;
use wandbd_journal::Urgency;
use wandbd_record::note::carrier;

use super::*;

async fn opened(hub: &Arc<Hub>, session: &'static str, run_id: &'static str) -> Arc<RunLog> {
    let hub = Arc::clone(hub);
    let opening = tokio::task::spawn_blocking(move || {
        hub.open(session, open(run_id), &v1::Process::default())
    });
    let opened = timeout(LIMIT, opening).await.expect("opening hangs");
    opened.unwrap().unwrap()
}

/// Gives a run a row, and waits until it is durable.
async fn logs(run: &Arc<RunLog>, session: &'static str, seq: u64) {
    let appended = run.with_disk(move |run| run.append_chunk(session, rows(seq, &[1])));
    let appended = timeout(LIMIT, appended).await.expect("the append hangs");
    let appended = appended.unwrap().unwrap();
    let durable = appended.journal.wait_durable(appended.position);
    let durable = timeout(LIMIT, durable).await.expect("the commit hangs");
    durable.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_whose_disk_hangs_is_answered_for_and_holds_up_no_other() {
    let bench = Bench::new();
    let hub = bench.hub();
    let hung = opened(&hub, "s1", "hung").await;
    let well = opened(&hub, "s2", "well").await;
    logs(&hung, "s1", 1).await;
    bench.hang.set(Some("run-hung"));
    let waiting = {
        let hung = Arc::clone(&hung);
        tokio::spawn(async move { logs(&hung, "s1", 2).await })
    };
    let stuck = timeout(LIMIT, async {
        while hung.with_disk_is_free() {
            tokio::task::yield_now().await;
        }
    });
    stuck.await.expect("the disk is not asked for");

    for seq in 1..4 {
        logs(&well, "s2", seq).await;
    }
    let third = opened(&hub, "s3", "third").await;
    logs(&third, "s3", 1).await;
    assert_eq!((hung.next_step(), hung.describe().rows), (1, 1));
    assert_eq!((well.next_step(), hub.sessions()), (3, 0));
    assert!(!hung.has_ended() && hung.journal().durable() > Position::START);
    assert_eq!(hub.all().len(), 3);
    let found = hub.find(well.path()).expect("known");
    assert_eq!(found.run_id(), "well");

    bench.hang.set(None);
    timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!(hung.next_step(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_that_cannot_be_opened_because_its_disk_hangs_lets_others_open() {
    let bench = Bench::new();
    let hub = bench.hub();
    bench.hang.set(Some("run-stuck"));
    let stuck = {
        let hub = Arc::clone(&hub);
        tokio::spawn(async move { opened(&hub, "s1", "stuck").await })
    };

    let well = opened(&hub, "s2", "well").await;
    logs(&well, "s2", 1).await;

    assert!(hub.get("s1").is_none());
    bench.hang.set(None);
    timeout(LIMIT, stuck).await.unwrap().unwrap();
    assert!(hub.get("s1").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn samples_are_left_out_while_a_disk_hangs() {
    let bench = Bench::new();
    let hub = bench.hub();
    let hung = opened(&hub, "s1", "hung").await;
    bench.hang.set(Some("run-hung"));

    let first = hung.append_soon(vec![carrier(v1::Note::default())]);
    let second = hung.append_soon(vec![carrier(v1::Note::default())]);

    assert!(first && !second);
    bench.hang.set(None);
    let again = timeout(LIMIT, async {
        while !hung.append_soon(vec![carrier(v1::Note::default())]) {
            tokio::task::yield_now().await;
        }
    });
    again.await.expect("it goes on");
    let written = hung.with_disk(|run| run.append_own(Vec::new(), Urgency::Now));
    written.await.unwrap().unwrap();
}
