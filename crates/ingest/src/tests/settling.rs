//! What comes between a run and its beginning on the server, and between it and its end.

use std::time::Instant;

use tokio::time::sleep;
use wandbd_run::Opened;

use super::*;
use crate::Delivery;

/// The condition, without letting virtual time pass.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LIMIT, "{what} does not come about");
        tokio::task::yield_now().await;
    }
}

/// A run that has said exit.
async fn over(bench: &Bench) -> (Arc<Hub>, Arc<RunLog>) {
    let hub = bench.hub();
    let run = {
        let hub = Arc::clone(&hub);
        tokio::task::spawn_blocking(move || hub.open("s", open("a"), &v1::Process::default()))
    };
    let run = run.await.unwrap().unwrap();
    let exit = v1::Record {
        kind: Some(Kind::Exit(v1::Exit {
            exit_code: 3,
            timestamp: 102.0,
            ..v1::Exit::default()
        })),
    };
    let chunk = Prepared::plain(v1::Chunk {
        first_seq: 1,
        record: vec![exit],
    });
    let appended = run.with_disk(move |run| run.append_chunk("s", chunk));
    appended.await.unwrap().unwrap();
    (hub, run)
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_as_soon_as_its_surroundings_were_looked_at() {
    let bench = Bench::new();
    let (_hub, run) = over(&bench).await;
    sleep(Duration::from_millis(4_900)).await;
    assert!(!run.has_ended(), "what is found belongs before the end");

    run.facts_are_in();

    until("the end", || run.has_ended()).await;
    assert_eq!(run.describe().exit_code, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_after_five_seconds_although_nobody_looked_at_its_surroundings() {
    let bench = Bench::new();
    let (_hub, run) = over(&bench).await;
    assert!(!run.has_ended());

    sleep(Duration::from_millis(5_100)).await;

    until("the end", || run.has_ended()).await;
}

#[tokio::test]
async fn a_client_is_told_that_the_run_is_open_when_its_numbers_are_journaled() {
    let bench = Bench::new();
    let hub = bench.hub();
    let run = {
        let hub = Arc::clone(&hub);
        let resumed = v1::OpenRun {
            resume: "must".into(),
            ..open("a")
        };
        tokio::task::spawn_blocking(move || hub.open("s", resumed, &v1::Process::default()))
    };
    let run = run.await.unwrap().unwrap();
    assert!(!run.describe().opened);

    run.set_delivery(|delivery| {
        *delivery = Delivery {
            opened: Some(Arc::new(Opened {
                step_base: 50,
                runtime_base: 40.0,
                inherited_summary: r#"{"old":1}"#.into(),
                notes: "theirs".into(),
                tags: vec!["t".into()],
                resumed: true,
                ..Opened::default()
            })),
            ..Delivery::default()
        };
    });
    until("the opening", || run.describe().opened).await;

    let said = run.describe();
    assert_eq!((said.next_step, said.starting_step), (50, 50));
    assert_eq!((said.starting_runtime, said.resumed), (40.0, true));
    assert_eq!(
        (said.notes.as_str(), said.tag),
        ("theirs", vec!["t".to_owned()])
    );
    let path = run.path().to_owned();
    run.with_disk(|run| run.append_chunk("s", rows(1, &[7])))
        .await
        .unwrap()
        .unwrap();
    let adopted = RunLog::adopt(&bench.committer, &path).unwrap();
    assert_eq!(adopted.next_step(), 51);
    assert!(adopted.describe_whole().summary_json.contains(r#""old":1"#));
}

#[tokio::test]
async fn a_new_run_is_open_at_once_and_a_forbidden_one_says_why() {
    let bench = Bench::new();
    let run = bench.create();

    run.set_delivery(|delivery| delivery.opened = Some(Arc::new(Opened::default())));
    assert!(run.describe().opened);

    run.set_delivery(|delivery| delivery.error = Some("it exists".into()));
    assert_eq!(run.describe().error, "it exists");
}
