//! What the daemon answers, and what happens when there is none.

#![allow(clippy::unwrap_used, reason = "a helper of the tests uses it too")]

mod server;

use std::time::{Duration, Instant};

use server::{Daemon, Place, eventually, never, number};
use wandbd_client::{
    CallError, Session,
    proto::{self as v1, login_response::Verdict, output::Stream, record::Kind},
};

const LIMIT: Duration = Duration::from_secs(20);

fn open(place: &Place) -> Session {
    Session::open(place.settings(), "test/1", v1::OpenRun::default())
}

#[test]
fn every_new_kind_of_record_arrives_as_it_was_said() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    let file = |number: usize| v1::save::File {
        name: format!("{number}.txt"),
        source: format!("/tmp/{number}.txt"),
    };
    let alert = v1::Alert {
        title: "low".to_owned(),
        text: "accuracy".to_owned(),
        level: v1::alert::Level::Warn.into(),
        wait_s: 60.0,
    };
    session.save((0..2500).map(file).collect(), v1::save::Policy::Live);
    session.alert(alert.clone());
    session.preempting();
    session.output(Stream::Logs, "a line\n");
    assert!(session.flush(LIMIT, &mut never));
    let kinds: Vec<Kind> = daemon
        .seen(session.owner_session())
        .records
        .into_iter()
        .map(|record| record.kind.unwrap())
        .collect();
    let mut saved = Vec::new();
    for kind in &kinds {
        if let Kind::Save(save) = kind {
            assert!(save.file.len() <= 1000);
            assert_eq!(save.policy(), v1::save::Policy::Live);
            saved.extend(save.file.clone());
        }
    }
    assert_eq!(saved, (0..2500).map(file).collect::<Vec<_>>());
    assert!(kinds.contains(&Kind::Alert(alert)));
    assert!(kinds.contains(&Kind::Preempting(v1::Preempting {})));
    let Some(Kind::Output(output)) = kinds.last() else {
        panic!("{kinds:?}")
    };
    assert_eq!(
        (output.stream(), output.text.as_str()),
        (Stream::Logs, "a line\n")
    );
}

#[test]
fn a_huge_write_to_the_console_becomes_records_of_bounded_size() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    let text = "a line with an é\n".repeat(100_000);
    session.output(Stream::Stdout, &text);
    assert!(session.flush(LIMIT, &mut never));
    let seen = daemon.seen(session.owner_session());
    let mut whole = String::new();
    for record in &seen.records {
        let Some(Kind::Output(output)) = &record.kind else {
            panic!("{record:?}")
        };
        assert!(output.text.len() <= 64 << 10);
        whole.push_str(&output.text);
    }
    assert_eq!(whole, text);
}

#[test]
fn text_after_the_end_is_ignored_without_a_word() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    session.finish(0, wandbd_client::Wait::Ack, &mut |_| false);
    session.output(Stream::Stderr, "late\n");
    assert!(wandbd_client::take_messages().is_empty());
    assert_eq!(session.stats().records, 1, "the exit alone");
}

#[test]
fn opened_waits_for_the_servers_answer_and_the_count_goes_on_from_there() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    assert!(
        session
            .opened(Duration::from_millis(50), &mut never)
            .is_none()
    );
    daemon.set(|world| {
        world.run = Some(v1::Run {
            opened: true,
            resumed: true,
            starting_step: 100,
            next_step: 100,
            ..v1::Run::default()
        });
    });
    session.log(None, None, &number("n", 0.0));
    let run = session.opened(LIMIT, &mut never).unwrap();
    assert!(run.resumed);
    assert_eq!(session.step(), 101, "the row that was logged before counts");
}

#[test]
fn opened_ends_with_the_error_that_forbids_the_run() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    daemon.set(|world| {
        world.run = Some(v1::Run {
            error: "run abc exists".to_owned(),
            ..v1::Run::default()
        });
    });
    session.preempting();
    let run = session.opened(LIMIT, &mut never).unwrap();
    assert_eq!((run.opened, run.error.as_str()), (false, "run abc exists"));
}

#[test]
fn a_refused_session_is_an_answer_too() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.refuse = Some("run abc has ended".to_owned()));
    let _listening = daemon.listen(&place.socket());
    let run = open(&place).opened(LIMIT, &mut never).unwrap();
    assert_eq!(run.error, "run abc has ended");
}

#[test]
fn a_run_without_records_can_be_fetched() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    let run = session.fetch(LIMIT, &mut never).unwrap();
    assert_eq!(run.session, session.owner_session());
}

#[test]
fn login_and_restore_have_a_connection_of_their_own_that_is_closed_afterwards() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let listening = daemon.listen(&place.socket());
    let login = |key: &str| {
        let request = v1::LoginRequest {
            server: Some(v1::Server {
                api_key: key.to_owned(),
                ..v1::Server::default()
            }),
            ..v1::LoginRequest::default()
        };
        wandbd_client::login(&place.settings(), request, LIMIT, &mut never)
    };
    let answer = login("one").unwrap();
    assert_eq!(
        (answer.verdict(), answer.username.as_str()),
        (Verdict::Valid, "one")
    );
    let request = v1::RestoreRequest {
        name: "model.h5".to_owned(),
        ..v1::RestoreRequest::default()
    };
    let restored = wandbd_client::restore(&place.settings(), request, LIMIT, &mut never).unwrap();
    assert_eq!(
        (restored.found, restored.message.as_str()),
        (false, "model.h5")
    );
    drop(listening);
    assert!(matches!(login("two"), Err(CallError::Connect(_))));
    let _listening = daemon.listen(&place.socket());
    assert_eq!(login("three").unwrap().username, "three");
}

#[test]
fn a_connection_that_died_since_is_noticed_and_the_question_asked_again() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let listening = daemon.listen(&place.socket());
    let session = open(&place);
    assert!(session.fetch(LIMIT, &mut never).is_some());
    drop(listening);
    let _listening = daemon.listen(&place.socket());
    let request = v1::LoginRequest::default();
    wandbd_client::login(&place.settings(), request, LIMIT, &mut never).unwrap();
}

#[test]
fn a_silent_daemon_costs_no_more_than_the_limit() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.stalled = true);
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    session.log(None, None, &number("n", 0.0));
    let limit = Duration::from_millis(200);
    let begin = Instant::now();
    assert!(!session.flush(limit, &mut never));
    assert!(session.fetch(limit, &mut never).is_none());
    assert!(session.opened(limit, &mut never).is_none());
    let request = v1::RestoreRequest::default();
    let restored = wandbd_client::restore(&place.settings(), request, limit, &mut never);
    assert!(
        matches!(restored, Err(CallError::TimedOut { .. })),
        "{restored:?}"
    );
    assert!(begin.elapsed() < LIMIT, "none of them hangs");
}

#[test]
fn a_caller_who_loses_patience_gets_away() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.stalled = true);
    let _listening = daemon.listen(&place.socket());
    let request = v1::RestoreRequest::default();
    let restored = wandbd_client::restore(&place.settings(), request, LIMIT, &mut || true);
    assert!(
        matches!(restored, Err(CallError::Interrupted)),
        "{restored:?}"
    );
}

#[test]
fn a_stop_without_permission_to_interrupt_is_only_remembered() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.stop = true);
    let _listening = daemon.listen(&place.socket());
    let session = open(&place);
    session.log(None, None, &number("n", 0.0));
    eventually("the stop arrives", || session.is_stopped());
}
