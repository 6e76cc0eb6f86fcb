//! What a staging directory promises to whoever hands files over.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use md5::{Digest as _, Md5};

use crate::{Kept, Stage, StageError, Wanted};
use tempfile::TempDir;

/// Larger than what is copied at once.
const LARGE: usize = 4 << 20;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("staging/1-ab")).unwrap();
        Self { dir }
    }

    fn stage(&self) -> Stage {
        self.limited(1 << 30)
    }

    fn limited(&self, bytes: u64) -> Stage {
        Stage::new(self.dir.path().join("staging"), bytes)
    }

    fn source(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn wanted(&self, source: &Path) -> Wanted {
        let name = source.file_name().unwrap();
        Wanted {
            source: source.to_owned(),
            target: self.dir.path().join("staging/1-ab").join(name),
        }
    }
}

async fn keep(stage: &Stage, wanted: &Wanted) -> Kept {
    stage.keep(vec![wanted.clone()]).await.unwrap()[0]
}

#[tokio::test]
async fn a_checkpoint_that_is_overwritten_at_once_is_kept_as_it_was() {
    let place = Place::new();
    let stage = place.stage();
    let source = place.source("model", &vec![1; LARGE]);
    let wanted = place.wanted(&source);

    let kept = keep(&stage, &wanted).await;
    assert!(matches!(kept, Kept::Leased | Kept::Cloned), "{kept:?}");
    let overwriting = thread::spawn(move || fs::write(&source, vec![2; LARGE]).unwrap());
    stage.settled(&wanted.target).await.unwrap();
    overwriting.join().unwrap();

    assert!(fs::read(&wanted.target).unwrap() == vec![1; LARGE]);
    assert!(fs::read(&wanted.source).unwrap() == vec![2; LARGE]);
    if kept == Kept::Leased {
        let digest = <[u8; 16]>::from(Md5::digest(vec![1; LARGE]));
        assert_eq!(stage.digest(&wanted.target), Some(digest));
    }
    assert_eq!(
        fs::read_dir(wanted.target.parent().unwrap())
            .unwrap()
            .count(),
        1
    );
}

#[tokio::test]
async fn a_checkpoint_that_is_replaced_or_removed_at_once_is_kept_as_it_was() {
    let place = Place::new();
    let stage = place.stage();
    let replaced = place.wanted(&place.source("replaced", &vec![1; LARGE]));
    let removed = place.wanted(&place.source("removed", &vec![2; LARGE]));

    stage
        .keep(vec![replaced.clone(), removed.clone()])
        .await
        .unwrap();
    fs::rename(place.source("new", b"new"), &replaced.source).unwrap();
    fs::remove_file(&removed.source).unwrap();

    let both = [replaced.target.clone(), removed.target.clone()];
    stage.all_settled(&both).await.unwrap();
    assert!(fs::read(&replaced.target).unwrap() == vec![1; LARGE]);
    assert!(fs::read(&removed.target).unwrap() == vec![2; LARGE]);
}

#[tokio::test]
async fn a_file_that_somebody_still_writes_is_left_to_its_owner() {
    let place = Place::new();
    let source = place.source("model", &vec![1; LARGE]);
    let _writer = OpenOptions::new().append(true).open(&source).unwrap();
    let wanted = place.wanted(&source);

    // A clone would be of one moment, too.
    let kept = keep(&place.stage(), &wanted).await;

    assert!(matches!(kept, Kept::NotKept | Kept::Cloned), "{kept:?}");
    assert_eq!(kept == Kept::Cloned, wanted.target.exists());
}

#[tokio::test]
async fn a_small_file_is_complete_when_keep_returns() {
    let place = Place::new();
    let wanted = place.wanted(&place.source("small", b"weights"));

    let kept = keep(&place.stage(), &wanted).await;

    assert!(matches!(kept, Kept::Copied | Kept::Cloned), "{kept:?}");
    assert_eq!(fs::read(&wanted.target).unwrap(), b"weights");
}

#[tokio::test]
async fn what_is_no_file_or_leads_elsewhere_is_not_kept_and_nobody_waits() {
    let place = Place::new();
    let stage = place.stage();
    let pipe = place.dir.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let good = place.source("good", b"x");
    let mut outside = place.wanted(&good);
    outside.target = place.dir.path().join("staging/1-ab/../../out");
    let there = place.wanted(&good);
    fs::write(&there.target, "taken").unwrap();
    let folder = place.dir.path().to_owned();

    let wanted = [
        place.wanted(&pipe),
        place.wanted(&folder),
        place.wanted(&place.dir.path().join("nowhere")),
        outside,
        there.clone(),
    ];
    let kept = stage.keep(wanted.to_vec()).await.unwrap();

    assert_eq!(kept, vec![Kept::NotKept; 5]);
    assert_eq!(fs::read(&there.target).unwrap(), b"taken");
    assert!(!place.dir.path().join("out").exists());
}

#[tokio::test]
async fn a_full_directory_keeps_nothing_and_says_what_to_do() {
    let place = Place::new();
    let stage = place.limited(LARGE as u64 * 3 / 2);
    let first = place.wanted(&place.source("first", &vec![1; LARGE]));
    let second = place.wanted(&place.source("second", &vec![1; LARGE]));
    keep(&stage, &first).await;

    let error = stage.keep(vec![second.clone()]).await.unwrap_err();

    assert!(matches!(error, StageError::Full { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("WANDBD_STAGING_BYTES") && text.contains("4.0 MiB"),
        "{text}"
    );
    assert!(!second.target.exists());

    // And there is room again when the first one is delivered.
    stage.settled(&first.target).await.unwrap();
    stage.remove(&first.target);
    assert_eq!(stage.bytes(), 0);
    fs::create_dir_all(second.target.parent().unwrap()).unwrap();
    assert_ne!(keep(&stage, &second).await, Kept::NotKept);
}

#[tokio::test]
async fn files_that_others_put_there_count_and_are_settled_also_in_hundreds() {
    let place = Place::new();
    let stage = place.stage();
    let folder = place.dir.path().join("staging/1-ab");
    let paths: Vec<_> = (0..200)
        .map(|number| folder.join(number.to_string()))
        .collect();
    for path in &paths {
        fs::write(path, "12345").unwrap();
    }

    stage.measure();

    assert_eq!(stage.bytes(), 1_000);
    stage.all_settled(&paths).await.unwrap();
    stage.settled(&paths[0]).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_is_not_there_is_missed_and_one_elsewhere_is_refused() {
    let place = Place::new();
    let stage = place.stage();

    let missing = stage
        .settled(&place.dir.path().join("staging/1-ab/x"))
        .await;
    let outside = stage.settled(&place.dir.path().join("x")).await;

    assert!(matches!(missing, Err(StageError::Missing { .. })));
    assert!(matches!(outside, Err(StageError::Outside { .. })));
}

/// A copy that a stop has interrupted.
async fn interrupted(place: &Place) -> Wanted {
    let wanted = place.wanted(&place.source("model", &vec![1; LARGE]));
    let stage = place.stage();
    stage.stop();
    assert_eq!(keep(&stage, &wanted).await, Kept::Leased);
    let stopped = stage.settled(&wanted.target).await;
    assert!(matches!(stopped, Err(StageError::Stopped)));
    assert!(!wanted.target.exists());
    wanted
}

#[tokio::test]
async fn a_copy_that_a_stop_interrupted_is_made_by_the_next_daemon() {
    let place = Place::new();
    let wanted = interrupted(&place).await;

    place.stage().settled(&wanted.target).await.unwrap();

    assert!(fs::read(&wanted.target).unwrap() == vec![1; LARGE]);
}

#[tokio::test]
async fn a_file_that_changed_before_its_copy_was_complete_is_never_mixed() {
    let place = Place::new();
    let wanted = interrupted(&place).await;
    let mut file = OpenOptions::new()
        .append(true)
        .open(&wanted.source)
        .unwrap();
    file.write_all(b"more").unwrap();
    drop(file);

    let error = place.stage().settled(&wanted.target).await.unwrap_err();

    assert!(matches!(error, StageError::Changed { .. }), "{error}");
    assert!(error.to_string().contains("model"), "{error}");
    assert!(!wanted.target.exists());
}

#[test]
fn what_lies_elsewhere_is_never_removed() {
    let place = Place::new();
    let stage = place.stage();
    let users = place.source("model", b"weights");

    stage.remove(&users);
    stage.remove(&place.dir.path().join("staging/1-ab/../../model"));

    assert!(users.exists());
}

#[test]
fn folders_of_dead_processes_go_with_what_nobody_needs() {
    let place = Place::new();
    let stage = place.stage();
    let staging = place.dir.path().join("staging");
    let dead = rustix::process::Pid::from_raw(i32::MAX - 1).unwrap();
    let orphan = staging.join(format!("{}-ab12", dead.as_raw_nonzero()));
    let living = staging.join(format!("{}-ab12", std::process::id()));
    let other = staging.join("notes");
    for folder in [&orphan, &living, &other] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("kept"), "12345").unwrap();
        fs::write(folder.join("lost"), "12345").unwrap();
    }
    let needed = HashSet::from([orphan.join("kept")]);

    // What is new stays: the process may be one of another container.
    let now = fs::metadata(&orphan).unwrap().modified().unwrap();
    assert_eq!(stage.sweep(&needed, now).unwrap(), 0);
    let later = now + Duration::from_hours(2);
    assert_eq!(stage.sweep(&needed, later).unwrap(), 5);

    assert!(orphan.join("kept").exists() && !orphan.join("lost").exists());
    assert!(living.join("lost").exists() && other.join("lost").exists());
    assert_eq!(stage.bytes(), 25);
    assert_eq!(stage.sweep(&HashSet::new(), later).unwrap(), 5);
    assert!(!orphan.exists());
}
