//! Raw data, tables and artifacts, and a daemon that takes its time over them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of the tests use them too"
)]

mod server;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use server::{Daemon, Place, eventually, never, number};
use wandbd_client::{
    Bytes, CallError, Outcome, Rows, Session, Wait, Waiting,
    proto::{self as v1, media::Content, record::Kind},
};

const LIMIT: Duration = Duration::from_secs(20);
const LARGE: usize = 9 << 20;

fn open(place: &Place, ack_limit: Duration) -> Session {
    let mut settings = place.settings();
    settings.ack_limit = ack_limit;
    Session::open(settings, "test/1", v1::OpenRun::default())
}

fn picture(len: usize) -> v1::Media {
    v1::Media {
        id: "m".to_owned(),
        content: Some(Content::Pixels(v1::Pixels {
            array: Some(v1::Array {
                dtype: "|u1".to_owned(),
                shape: vec![len as u64],
                ..v1::Array::default()
            }),
            ..v1::Pixels::default()
        })),
        ..v1::Media::default()
    }
}

fn data(len: usize) -> Bytes {
    (0..len)
        .map(|place| u8::try_from(place % 251).unwrap())
        .collect()
}

fn array_of(kind: &Kind) -> &v1::Array {
    match kind {
        Kind::Media(v1::Media {
            content: Some(Content::Pixels(pixels)),
            ..
        }) => pixels.array.as_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn kinds(daemon: &Daemon, session: &Session) -> Vec<Kind> {
    let seen = daemon.seen(session.owner_session());
    assert_eq!(seen.holes, 0);
    let records = seen.records.into_iter();
    records.map(|record| record.kind.unwrap()).collect()
}

#[test]
fn raw_data_arrives_once_and_in_its_place_also_when_the_connection_breaks() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.cut_after = Some(1));
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, LIMIT);
    let sizes = [10, 100_000, 3_000_000, 0];
    for len in sizes {
        session.log(None, None, &number("n", 1.0));
        assert!(session.media(picture(len), &data(len)).unwrap());
    }
    assert!(session.flush(LIMIT, &mut never));
    let kinds = kinds(&daemon, &session);
    for (pair, len) in kinds.chunks(2).zip(sizes) {
        assert!(matches!(pair[0], Kind::Row(_)));
        assert_eq!(array_of(&pair[1]).data, data(len));
    }
    assert!(daemon.world.lock().unwrap().connections > 1);
    assert_eq!(session.stats().window_bytes, 0);
}

#[test]
fn large_data_lies_in_a_private_file_whose_folder_goes_when_it_is_empty() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, LIMIT);
    assert!(session.media(picture(LARGE), &data(LARGE)).unwrap());
    assert!(session.flush(LIMIT, &mut never));
    let source = PathBuf::from(&array_of(&kinds(&daemon, &session)[0]).source);
    assert_eq!(fs::read(&source).unwrap(), data(LARGE));
    let folder = source.parent().unwrap();
    assert_eq!(
        fs::metadata(folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(folder.parent().unwrap(), place.settings().staging());
    fs::remove_file(&source).unwrap();
    finish(&session);
    assert!(!folder.exists());
}

#[test]
fn large_data_stays_in_memory_where_no_file_can_be_written() {
    let (place, daemon) = (Place::new(), Daemon::default());
    fs::write(place.settings().state, "no directory").unwrap();
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, LIMIT);
    assert!(session.media(picture(LARGE), &data(LARGE)).unwrap());
    assert!(session.flush(LIMIT, &mut never));
    assert_eq!(array_of(&kinds(&daemon, &session)[0]).data, data(LARGE));
    let said = wandbd_client::take_messages();
    assert!(said.iter().any(|line| line.contains("staging")), "{said:?}");
}

#[test]
fn data_that_no_record_names_leaves_no_file() {
    let place = Place::new();
    let session = open(&place, Duration::from_millis(20));
    finish(&session);
    assert!(!session.media(picture(LARGE), &data(LARGE)).unwrap());
    let folders = fs::read_dir(place.settings().staging()).unwrap();
    for folder in folders {
        let left = fs::read_dir(folder.unwrap().path()).unwrap().count();
        assert_eq!(left, 0);
    }
}

#[test]
fn rows_of_a_table_arrive_in_order() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, LIMIT);
    let mut rows = Rows::new("t".to_owned(), 0);
    for row in 0..50_000_i64 {
        rows.integer(row);
        rows.text("some text that takes some room");
        if rows.end_row() {
            assert!(session.table_rows(&mut rows));
        }
    }
    assert!(session.table_rows(&mut rows));
    assert!(session.flush(LIMIT, &mut never));
    let mut next = 0;
    for kind in kinds(&daemon, &session) {
        let Kind::TableRows(rows) = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(rows.first_row, next);
        for row in rows.row {
            let first = row.cell.first().unwrap().value.clone();
            let expect = i64::try_from(next).unwrap();
            assert_eq!(first, Some(v1::cell::Value::Integer(expect)));
            next += 1;
        }
    }
    assert_eq!(next, 50_000);
}

#[test]
fn a_record_beyond_all_limits_is_refused_with_a_message() {
    let place = Place::new();
    let session = open(&place, Duration::from_millis(20));
    let file = v1::artifact::File {
        path: "x".repeat(1 << 20),
        ..v1::artifact::File::default()
    };
    let artifact = v1::Artifact {
        file: vec![file; 13],
        ..v1::Artifact::default()
    };
    assert!(!session.artifact(artifact));
    assert!(
        wandbd_client::take_messages()
            .iter()
            .any(|line| line.contains("over 12 MiB"))
    );
}

fn finish(session: &Session) -> Outcome {
    session
        .finish(0, Wait::Ack, &mut |_: Waiting| false)
        .outcome
}

/// Ends a run whose daemon is busy, and changes the daemon after a second of that: much longer than the limit.
fn finish_while_busy(daemon: &Daemon, session: &Session, then: impl Fn()) -> Outcome {
    daemon.set(|world| {
        world.mute = true;
        world.busy = Some("copying".to_owned());
    });
    let mut busy = 0;
    let end = session.finish(0, Wait::Ack, &mut |waiting| {
        if matches!(&waiting, Waiting::Busy(what) if what == "copying") {
            busy += 1;
            if busy == 20 {
                then();
            }
        }
        false
    });
    assert!(busy >= 20, "{busy}");
    end.outcome
}

#[test]
fn a_daemon_that_says_that_it_is_busy_is_waited_for() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, Duration::from_millis(100));
    session.artifact(v1::Artifact::default());
    let outcome = finish_while_busy(&daemon, &session, || {
        daemon.set(|world| {
            world.mute = false;
            world.busy = None;
        });
    });
    assert_eq!(outcome, Outcome::Acked);
}

#[test]
fn a_daemon_that_was_busy_and_says_no_more_is_given_up() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, Duration::from_millis(100));
    session.artifact(v1::Artifact::default());
    let outcome = finish_while_busy(&daemon, &session, || daemon.set(|world| world.busy = None));
    assert_eq!(outcome, Outcome::Spilled);
}

#[test]
fn waiting_for_a_busy_daemon_can_be_interrupted() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let session = open(&place, LIMIT);
    daemon.set(|world| {
        world.mute = true;
        world.busy = Some("copying".to_owned());
    });
    session.artifact(v1::Artifact::default());
    let end = session.finish(0, Wait::Ack, &mut |waiting| {
        matches!(waiting, Waiting::Busy(_))
    });
    assert_eq!(end.outcome, Outcome::Spilled);
}

#[test]
fn questions_about_artifacts_are_asked_and_answered() {
    let place = Place::new();
    let daemon = Daemon::default();
    let _listening = daemon.listen(&place.socket());
    let settings = place.settings();
    let wanted = v1::stage_request::File {
        source: "/a".to_owned(),
        target: "/b".to_owned(),
    };
    let request = v1::StageRequest { file: vec![wanted] };
    let staged = wandbd_client::stage(&settings, request, LIMIT, &mut never).unwrap();
    assert_eq!(staged.file, [i32::from(v1::stage_response::Kept::Leased)]);
    let request = v1::GetArtifactRequest {
        name: "model:latest".to_owned(),
        ..v1::GetArtifactRequest::default()
    };
    let found = wandbd_client::get_artifact(&settings, request, LIMIT, &mut never).unwrap();
    assert_eq!(found.artifact.unwrap().collection, "model:latest");
    let request = v1::ChangeArtifactRequest {
        id: "QXJ0".to_owned(),
        ..v1::ChangeArtifactRequest::default()
    };
    let changed = wandbd_client::change_artifact(&settings, request, LIMIT, &mut never).unwrap();
    assert_eq!(changed.message, "QXJ0");
}

#[test]
fn a_question_of_a_run_comes_after_what_was_said_about_it() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| world.pace = Duration::from_millis(200));
    let session = open(&place, LIMIT);
    session.artifact(v1::Artifact::default());
    let _listening = daemon.listen(&place.socket());
    let request = v1::GetArtifactRequest {
        session: session.owner_session().to_owned(),
        ..v1::GetArtifactRequest::default()
    };
    wandbd_client::get_artifact(&place.settings(), request, LIMIT, &mut never).unwrap();
    assert_eq!(kinds(&daemon, &session).len(), 1);
}

fn at(files: u64, done: bool) -> v1::DownloadProgress {
    v1::DownloadProgress {
        files,
        files_total: 3,
        done,
        ..v1::DownloadProgress::default()
    }
}

#[test]
fn a_download_tells_how_it_goes_and_how_it_ended() {
    let (place, daemon) = (Place::new(), Daemon::default());
    daemon.set(|world| {
        world
            .downloads
            .push_back(vec![at(1, false), at(2, false), at(2, false), at(3, true)]);
    });
    let _listening = daemon.listen(&place.socket());
    let request = v1::DownloadArtifactRequest::default();
    let mut seen = Vec::new();
    let last = wandbd_client::download_artifact(&place.settings(), request, &mut |news| {
        seen.extend(news.map(|news| news.files));
        false
    });
    assert_eq!(last.unwrap(), at(3, true));
    assert!(
        !seen.is_empty() && seen.is_sorted() && !seen.contains(&3),
        "{seen:?}"
    );
}

#[test]
fn a_download_that_breaks_is_begun_again_once() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let download = || {
        let request = v1::DownloadArtifactRequest::default();
        wandbd_client::download_artifact(&place.settings(), request, &mut |_| false)
    };
    daemon.set(|world| {
        world
            .downloads
            .extend([vec![at(1, false)], vec![at(3, true)]]);
    });
    assert_eq!(download().unwrap(), at(3, true));
    daemon.set(|world| {
        world
            .downloads
            .extend([vec![at(1, false)], vec![at(1, false)]]);
    });
    assert!(matches!(download(), Err(CallError::Failed(_))));
}

#[test]
fn a_download_ends_when_its_caller_wants_no_more() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let _listening = daemon.listen(&place.socket());
    let request = v1::DownloadArtifactRequest::default();
    let mut polls = 0;
    let end = wandbd_client::download_artifact(&place.settings(), request, &mut |_| {
        polls += 1;
        polls == 3
    });
    assert!(matches!(end, Err(CallError::Interrupted)));
    eventually("the next question is answered", || {
        let request = v1::StageRequest::default();
        wandbd_client::stage(&place.settings(), request, LIMIT, &mut never).is_ok()
    });
}
