//! The same against the embedded server, which is strict where W&B is strict.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use support::local::Local;
use support::{limits, start};
use wandbd_record::convert::{self, HashedFile, artifact_record};
use wandbd_record::v1;
use wandbd_upload::{
    Block, Content, Destination, ExitState, Post, RunState, SendError, UploadFile, Version,
};
use wandbd_wandb::{ApiKey, ServerSettings};

fn block(offset: u64, lines: &[String]) -> Block {
    Block::new(offset, Arc::new(lines.to_vec()), 0..lines.len())
}

fn rows(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!(r#"{{"_step":{n},"_runtime":{n}.5,"loss":NaN}}"#))
        .collect()
}

/// A checkpoint that holds `hello`.
fn checkpoint(folder: &tempfile::TempDir) -> Version {
    let path = folder.path().join("model.keras");
    std::fs::write(&path, "hello").unwrap();
    let file = HashedFile {
        path: "model.keras".into(),
        digest: "XUFAKrxLKna5cZ2REBfFkg==".into(),
        size: 5,
        content: convert::Content::File(path.to_string_lossy().into_owned()),
        skip_cache: false,
    };
    let artifact = v1::Artifact {
        name: "run_run1_model".into(),
        r#type: "model".into(),
        alias: vec!["epoch_1".into()],
        client_id: "c".repeat(128),
        sequence_client_id: "s".repeat(128),
        ..v1::Artifact::default()
    };
    Version {
        record: artifact_record(&start("").run, &artifact, &[file]).unwrap(),
        ..Version::default()
    }
}

#[tokio::test]
async fn rows_and_config_arrive_once_although_they_are_sent_twice() {
    let local = Local::start().await;
    let destination = local.destination();
    assert_eq!(destination.pace().interval, Duration::from_secs(1));
    let opened = destination.open(&start("allow")).await.unwrap();
    assert_eq!((opened.history_base, opened.resumed), (0, false));
    let rows = rows(3);
    let console = ["2026-01-01T00:00:00.000001 hello".to_owned()];
    let post = Post {
        history: block(0, &rows),
        console: block(0, &console),
        summary: Some(r#"{"loss":NaN,"_step":2}"#.into()),
        ..Post::default()
    };
    let state = RunState {
        config_json: r#"{"lr":{"value":0.5},"_wandb":{"value":{"t":{}}}}"#.into(),
        params: None,
    };

    for _ in 0..2 {
        assert!(!destination.post(&opened, &post).await.unwrap().stopped);
        destination.update(&opened, &state).await.unwrap();
    }

    let path = format!("{}/digits/run1", opened.entity);
    let run = local.get(&path).await;
    assert_eq!(run["state"], "running");
    assert_eq!(run["historyLineCount"], 3);
    assert_eq!(run["logLineCount"], 1);
    let lr = &run["config"]["lr"];
    assert_eq!(lr.get("value").unwrap_or(lr), 0.5);
    assert_eq!(run["violations"], serde_json::json!({}));
    let history = local.get(&format!("{path}/history")).await;
    assert_eq!(history["lines"], serde_json::json!(rows));
}

#[tokio::test]
async fn files_and_an_artifact_arrive_before_the_run_is_complete() {
    let local = Local::start().await;
    let destination = local.destination();
    let opened = destination.open(&start("")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let record = checkpoint(&folder);
    let mut files = destination.exit_files(&ExitState {
        config_json: start("").config_json,
        summary_json: r#"{"loss":NaN}"#.into(),
    });
    files.push(UploadFile {
        name: "media/empty".into(),
        content: Content::Bytes(Bytes::new()),
    });
    let uploaded: Vec<String> = files.iter().map(|file| file.name.clone()).collect();

    let first = destination.artifact(&opened, &record).await.unwrap();
    let again = destination.artifact(&opened, &record).await.unwrap();
    for result in destination.put_files(&opened, &files).await {
        result.result.unwrap();
    }
    let last = Post {
        uploaded: uploaded.clone(),
        complete: Some(0),
        ..Post::default()
    };
    destination.post(&opened, &last).await.unwrap();

    assert_eq!((first.new, again.new), (true, false));
    assert_eq!(first.id, again.id);
    let run = local.get(&format!("{}/digits/run1", opened.entity)).await;
    assert_eq!(run["state"], "finished");
    assert_eq!(run["violations"], serde_json::json!({}));
    let there = run["files"].as_array().unwrap().iter();
    let there: Vec<&str> = there.filter_map(|file| file["name"].as_str()).collect();
    for name in &uploaded {
        assert!(there.contains(&name.as_str()), "{there:?}");
    }
    let artifacts = run["artifacts"].as_array().unwrap();
    assert_eq!(artifacts.len(), 1, "{artifacts:?}");
    assert_eq!(artifacts[0]["name"], "run_run1_model");
    assert_eq!(artifacts[0]["state"], "COMMITTED");
    assert_eq!(artifacts[0]["size"], 5);
}

#[tokio::test]
async fn a_run_is_resumed_where_it_ended() {
    let local = Local::start().await;
    let destination = local.destination();
    let opened = destination.open(&start("")).await.unwrap();
    let rows = rows(4);
    let post = Post {
        history: block(0, &rows),
        summary: Some(r#"{"_step":3,"_wandb":{"runtime":3}}"#.into()),
        complete: Some(1),
        ..Post::default()
    };
    destination.post(&opened, &post).await.unwrap();

    let resumed = local.destination().open(&start("must")).await.unwrap();
    let refused = local.destination().open(&start("never")).await.unwrap_err();

    assert!(resumed.resumed);
    assert_eq!((resumed.history_base, resumed.step_base), (4, 4));
    assert!(
        (resumed.runtime_base - 3.0).abs() < f64::EPSILON,
        "{resumed:?}"
    );
    assert_eq!(resumed.storage_id, opened.storage_id);
    assert!(matches!(refused, SendError::Usage(_)), "{refused:?}");
}

#[tokio::test]
async fn what_the_server_does_not_take_is_told_apart() {
    let local = Local::start().await;
    let destination = local.destination();
    let opened = destination.open(&start("")).await.unwrap();
    let row = ["{}".to_owned()];
    let hole = Post {
        history: block(7, &row),
        ..Post::default()
    };
    let mut unknown = opened.clone();
    unknown.run_id = "other".into();
    let mut settings = ServerSettings::new(&local.url);
    settings.key.explicit = Some(ApiKey::new(support::KEY));
    let stranger = support::destination(settings, limits());

    let hole = destination.post(&opened, &hole).await.unwrap_err();
    let unknown = destination
        .post(&unknown, &Post::default())
        .await
        .unwrap_err();
    let stranger = stranger.post(&opened, &Post::default()).await.unwrap_err();

    assert!(
        matches!(hole, SendError::Rejected { status: 400, .. }),
        "{hole:?}"
    );
    assert!(
        matches!(unknown, SendError::Gone { status: 404, .. }),
        "{unknown:?}"
    );
    assert!(
        matches!(stranger, SendError::Unauthorized(_)),
        "{stranger:?}"
    );
}
