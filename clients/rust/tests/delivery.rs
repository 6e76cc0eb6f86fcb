//! What reaches the daemon, whatever happens in between.

#![allow(clippy::unwrap_used, reason = "a helper of the tests uses it too")]

mod server;

use std::{collections::HashMap, time::Duration};

use server::{Daemon, Place, eventually, never, number};
use wandbd_client::{
    Outcome, Session, Wait, Waiting,
    proto::{self as v1, hello::Role, record::Kind},
};

const LIMIT: Duration = Duration::from_secs(20);

fn open(place: &Place, run_id: &str) -> Session {
    let run = v1::OpenRun {
        run_id: run_id.to_owned(),
        project: "project".to_owned(),
        config_json: "{\"lr\":1}".to_owned(),
        server: Some(v1::Server {
            base_url: "http://localhost:1".to_owned(),
            api_key: "KEYKEYKEY".to_owned(),
            header: HashMap::from([("x".to_owned(), "HEADERHEADER".to_owned())]),
            ..v1::Server::default()
        }),
        ..v1::OpenRun::default()
    };
    Session::open(place.settings(), "test/1", run)
}

fn finish(session: &Session) -> wandbd_client::Finished {
    session.finish(0, Wait::Ack, &mut |_: Waiting| false)
}

/// Every row once, in order, with its own number.
fn assert_rows(daemon: &Daemon, session: &Session, expect: u32) {
    let seen = daemon.seen(session.owner_session());
    assert_eq!(seen.holes, 0);
    let steps: Vec<_> = seen
        .rows()
        .iter()
        .map(|row| row.field.first().unwrap().value.clone())
        .collect();
    let expected: Vec<_> = (0..expect)
        .map(|step| Some(v1::field::Value::Number(f64::from(step))))
        .collect();
    assert_eq!(steps, expected);
}

#[test]
fn hello_carries_everything_that_was_said_at_open() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, "abc");
    eventually("hello arrives", || {
        !daemon.seen(session.owner_session()).hellos.is_empty()
    });
    let hello = daemon.seen(session.owner_session()).hellos.remove(0);
    assert_eq!(hello.client, "test/1");
    assert_eq!(hello.process.unwrap(), wandbd_client::this_process());
    let Some(Role::Open(run)) = hello.role else {
        panic!("not an owner")
    };
    assert_eq!(
        (run.run_id.as_str(), run.config_json.as_str()),
        ("abc", "{\"lr\":1}")
    );
    assert_eq!(run.server.unwrap().api_key, "KEYKEYKEY");
    assert!(!format!("{session:?}").contains("KEYKEYKEY"));
}

#[test]
fn rows_said_before_the_daemon_is_there_arrive_in_order() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let session = open(&place, "abc");
    for step in 0..1000 {
        session.log(None, None, &number("n", f64::from(step)));
    }
    assert_eq!(session.step(), 1000);
    let _listening = daemon.listen(&place.socket());
    assert_eq!(finish(&session).outcome, Outcome::Acked);
    assert_rows(&daemon, &session, 1000);
    assert!(daemon.seen(session.owner_session()).has_exit());
}

#[test]
fn after_a_lost_daemon_every_record_is_there_exactly_once() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let session = open(&place, "abc");
    let mut step = 0;
    for round in 0..5 {
        daemon.set(|world| world.cut_after = (round % 2 == 0).then_some(2));
        let listening = daemon.listen(&place.socket());
        let target = step + 4000;
        while step < target {
            session.log(None, None, &number("n", f64::from(step)));
            step += 1;
            if step % 500 == 0 {
                session.flush(Duration::from_millis(20), &mut never);
            }
        }
        eventually("something is acknowledged", || session.stats().acked > 0);
        drop(listening);
        daemon.forget();
    }
    let _listening = daemon.listen(&place.socket());
    assert_eq!(finish(&session).outcome, Outcome::Acked);
    assert_rows(&daemon, &session, 20_000);
    assert!(session.stats().reconnects >= 4);
}

#[test]
fn a_stalled_daemon_never_holds_up_log_and_gets_everything_later() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, "abc");
    assert!(session.flush(LIMIT, &mut never));
    daemon.set(|world| world.stalled = true);
    for step in 0..50_000 {
        session.log(None, None, &number("n", f64::from(step)));
    }
    let waiting = session.stats();
    assert!(
        waiting.acked < 50_000 && waiting.dropped_rows == 0,
        "{waiting:?}"
    );
    daemon.set(|world| world.stalled = false);
    assert!(session.flush(LIMIT, &mut never));
    assert_rows(&daemon, &session, 50_000);
    assert!(daemon.seen(session.owner_session()).largest_chunk <= 1 << 20);
    assert_eq!(session.stats().window_bytes, 0);
}

#[test]
fn a_full_window_counts_the_gap_and_lets_config_through() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let mut settings = place.settings();
    settings.buffer_bytes = 256 << 10;
    let session = Session::open(settings, "test/1", v1::OpenRun::default());
    while session.stats().dropped_rows < 100 {
        session.log(None, None, &number("n", 1.0));
    }
    let said = session.step();
    session.config(&number("lr", 0.5), &[]);
    session.output(v1::output::Stream::Stdout, "lost");
    let stats = session.stats();
    assert_eq!(
        stats.dropped_records, 1,
        "console text does not use the reserve"
    );
    assert!(stats.window_bytes <= 256 << 10);
    assert_eq!(
        wandbd_client::take_messages().len(),
        2,
        "of rows, and of console text"
    );
    let _listening = daemon.listen(&place.socket());
    assert!(session.flush(LIMIT, &mut never));
    eventually("the gap is told without another row", || {
        !daemon.seen(session.owner_session()).gaps().is_empty()
    });
    session.log(None, None, &number("n", 2.0));
    assert_eq!(finish(&session).dropped_rows, 100);
    let seen = daemon.seen(session.owner_session());
    let gap = seen.gaps().remove(0);
    assert_eq!((gap.rows, gap.last_step), (100, said - 1));
    assert_eq!(gap.first_step, said - 100);
    assert!(
        seen.records
            .iter()
            .any(|record| matches!(record.kind, Some(Kind::Config(_))))
    );
    assert_eq!(
        seen.rows().len() as u64,
        u64::try_from(said).unwrap() - 100 + 1
    );
    assert_eq!(seen.gaps().len(), 1);
}

#[test]
fn two_runs_of_one_process_have_their_own_numbering_on_one_connection() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let (one, two) = (open(&place, "one"), open(&place, "two"));
    for step in 0..500 {
        one.log(None, None, &number("n", f64::from(step)));
        two.log(
            Some(i64::from(step)),
            Some(true),
            &number("n", f64::from(step)),
        );
    }
    assert_eq!(finish(&one).outcome, Outcome::Acked);
    assert_eq!(finish(&two).outcome, Outcome::Acked);
    assert_rows(&daemon, &one, 500);
    assert_rows(&daemon, &two, 500);
    assert_eq!(
        daemon.seen(two.owner_session()).rows().last().unwrap().step,
        Some(499)
    );
}

#[test]
fn what_no_daemon_takes_is_spilled_without_secrets() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.ack_limit = Duration::from_millis(100);
    let run = v1::OpenRun {
        run_id: "abc".to_owned(),
        server: Some(v1::Server {
            api_key: "KEYKEYKEY".to_owned(),
            ..v1::Server::default()
        }),
        ..v1::OpenRun::default()
    };
    let session = Session::open(settings.clone(), "test/1", run);
    session.log(None, None, &number("n", 1.0));
    let end = finish(&session);
    assert_eq!((end.outcome, end.lost_rows), (Outcome::Spilled, 0));
    let spilled = std::fs::read(settings.spill().join(session.owner_session())).unwrap();
    assert!(!String::from_utf8_lossy(&spilled).contains("KEYKEYKEY"));
    let secret = settings
        .spill()
        .join(format!("{}.secret", session.owner_session()));
    assert!(String::from_utf8_lossy(&std::fs::read(secret).unwrap()).contains("KEYKEYKEY"));
    assert_eq!(session.stats().window_bytes, 0);
    assert_eq!(finish(&session).outcome, Outcome::Spilled);
    let again = std::fs::read(settings.spill().join(session.owner_session())).unwrap();
    assert_eq!(again, spilled, "finishing again leaves it alone");
}

#[test]
fn a_daemon_that_is_slow_but_not_stuck_is_waited_for() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.pace = Duration::from_millis(150));
    let _listening = daemon.listen(&place.socket());
    let mut settings = place.settings();
    settings.ack_limit = Duration::from_secs(1);
    let session = Session::open(settings, "test/1", v1::OpenRun::default());
    for _ in 0..10 {
        session.output(v1::output::Stream::Stdout, &"x".repeat(250 << 10));
    }
    assert_eq!(finish(&session).outcome, Outcome::Acked);
    assert!(daemon.seen(session.owner_session()).has_exit());
}

#[test]
fn a_spill_that_cannot_be_written_says_how_many_rows_are_lost() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.ack_limit = Duration::from_millis(50);
    std::fs::write(&settings.state, "a file where the directory should be").unwrap();
    let session = Session::open(settings, "test/1", v1::OpenRun::default());
    for _ in 0..7 {
        session.log(None, None, &number("n", 1.0));
    }
    let end = finish(&session);
    assert_eq!((end.outcome, end.lost_rows), (Outcome::Lost, 7));
    assert!(
        wandbd_client::take_messages()
            .iter()
            .any(|line| line.contains("spill"))
    );
}

#[test]
fn a_refused_session_drops_its_records_and_says_why_once() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.refuse = Some("run abc has ended: start a new one".to_owned()));
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, "abc");
    session.log(None, None, &number("n", 1.0));
    eventually("the refusal arrives", || session.stats().refused == 1);
    for _ in 0..10 {
        session.log(None, None, &number("n", 1.0));
    }
    assert_eq!(session.stats().window_bytes, 0);
    assert_eq!(finish(&session).outcome, Outcome::Lost);
    assert_eq!(
        wandbd_client::take_messages(),
        ["run abc has ended: start a new one"]
    );
    assert_eq!(
        daemon.seen(session.owner_session()).hellos.len(),
        1,
        "it is not tried again"
    );
}

#[test]
fn finish_waits_for_delivery_when_asked_and_fetch_asks_the_daemon() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, "abc");
    session.log(None, None, &number("n", 1.0));
    let run = session.fetch(LIMIT, &mut never).unwrap();
    assert_eq!((run.rows, run.summary_json.as_str()), (1, "{\"a\":1}"));
    let end = session.finish(3, Wait::Delivered(LIMIT), &mut |_| false);
    assert_eq!(end.outcome, Outcome::Delivered);
    assert_eq!(end.run.unwrap().entity, "me");
    eventually("the stream is closed from our side", || {
        daemon.seen(session.owner_session()).goodbyes == 1
    });
    session.log(None, None, &number("n", 1.0));
    assert_eq!(daemon.seen(session.owner_session()).rows().len(), 1);
    assert_eq!(
        wandbd_client::take_messages().len(),
        1,
        "too late, and said so"
    );
}

#[test]
fn an_attached_session_connects_with_its_first_record_and_says_only_goodbye() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let silent = Session::attach(place.settings(), "test/1", "owner", "abc");
    assert_eq!(finish(&silent).outcome, Outcome::Acked);
    let session = Session::attach(place.settings(), "test/1", "owner", "abc");
    assert!(!session.is_owner());
    session.log(None, None, &number("n", 0.0));
    assert_eq!(finish(&session).outcome, Outcome::Acked);
    let seen = daemon.seen(session.own_session());
    assert_eq!(
        seen.hellos.first().unwrap().role,
        Some(Role::Attach("owner".to_owned()))
    );
    assert_eq!((seen.records.len(), seen.has_exit()), (1, false));
    assert_eq!(daemon.world.lock().unwrap().sessions.len(), 1);
}

#[test]
fn acks_that_come_late_free_the_window() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.mute = true);
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, "abc");
    for step in 0..100 {
        session.log(None, None, &number("n", f64::from(step)));
    }
    eventually("the rows arrive", || {
        daemon.seen(session.owner_session()).rows().len() == 100
    });
    assert!(session.stats().window_bytes > 0);
    daemon.set(|world| world.mute = false);
    assert!(session.flush(LIMIT, &mut never));
    assert_eq!(session.stats().window_bytes, 0);
}
