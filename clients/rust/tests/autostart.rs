//! Starting the daemon when nobody listens.

#![allow(clippy::unwrap_used, reason = "a helper of the tests uses it too")]

mod server;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use server::{Daemon, Place, eventually, never, number};
use wandbd_client::{Session, Settings, proto::OpenRun};

/// A program in the place of the daemon that notes how it was called.
fn program(place: &Place, exit: u8) -> (PathBuf, PathBuf) {
    let dir = place.socket().parent().unwrap().to_owned();
    let (path, notes) = (dir.join("daemon"), dir.join("notes"));
    let script = format!(
        "#!/bin/sh\n(echo \"args $*\"; echo \"cwd $(pwd)\"; env) > {0}.tmp\nmv {0}.tmp {0}\nexit {exit}\n",
        notes.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    (path, notes)
}

fn settings(place: &Place, daemon: PathBuf) -> Settings {
    Settings {
        autostart: true,
        daemon: Some(daemon),
        daemon_env: vec![
            ("PATH".into(), "/bin:/usr/bin".into()),
            ("WANDBD_LOG".into(), "debug".into()),
        ],
        ..place.settings()
    }
}

#[test]
fn a_missing_daemon_is_started_apart_from_this_process() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let (path, notes) = program(&place, 0);
    let session = Session::open(settings(&place, path), "test/1", OpenRun::default());
    session.log(None, None, &number("n", 0.0));
    eventually("the program runs", || notes.exists());
    let notes = fs::read_to_string(notes).unwrap();
    let lines: Vec<&str> = notes.lines().collect();
    assert!(
        lines.contains(&"args start --auto") && lines.contains(&"cwd /"),
        "{notes}"
    );
    assert!(lines.contains(&"WANDBD_LOG=debug"), "{notes}");
    assert!(
        !notes.contains("CARGO"),
        "nothing of our own environment: {notes}"
    );
    let _listening = daemon.listen(&place.socket());
    assert!(session.flush(Duration::from_secs(20), &mut never));
    assert_eq!(daemon.seen(session.owner_session()).rows().len(), 1);
}

#[test]
fn a_daemon_that_cannot_be_started_is_a_message_and_no_error() {
    let place = Place::new();
    let (path, _) = program(&place, 3);
    let session = Session::open(settings(&place, path.clone()), "test/1", OpenRun::default());
    session.log(None, None, &number("n", 0.0));
    let mut messages = Vec::new();
    eventually("a message comes up", || {
        messages.extend(wandbd_client::take_messages());
        !messages.is_empty()
    });
    let message = messages.remove(0);
    assert!(
        message.contains(path.to_str().unwrap()) && message.contains('3'),
        "{message}"
    );
    assert_eq!(session.stats().records, 1);
}

#[test]
fn without_autostart_nothing_is_started() {
    let (place, daemon) = (Place::new(), Daemon::default());
    let (path, notes) = program(&place, 0);
    let settings = Settings {
        autostart: false,
        ..settings(&place, path)
    };
    let session = Session::open(settings, "test/1", OpenRun::default());
    session.log(None, None, &number("n", 0.0));
    assert!(!session.flush(Duration::from_millis(300), &mut never));
    let _listening = daemon.listen(&place.socket());
    assert!(session.flush(Duration::from_secs(20), &mut never));
    assert!(!notes.exists());
}
