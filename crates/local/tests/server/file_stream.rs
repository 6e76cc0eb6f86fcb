//! What posts do.

use super::*;

#[tokio::test]
async fn rows_arrive_in_order_and_a_repeated_offset_overwrites() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    local
        .accepted("r", history(0, &["{\"_step\":0}", "{\"_step\":1}"]))
        .await;
    local
        .accepted("r", history(1, &["{\"_step\":1,\"x\":1}", "{\"_step\":2}"]))
        .await;

    assert_eq!(
        local.rows("r").await,
        ["{\"_step\":0}", "{\"_step\":1,\"x\":1}", "{\"_step\":2}"]
    );
    let run = local.run("r").await;
    assert_eq!(run["historyLineCount"], 3);
    assert_eq!(run["lastStep"], 2);
    assert_eq!(run["posts"], 2);
    assert_eq!(run["postTimes"].as_array().unwrap().len(), 2);
    local.stop().await;
}

#[tokio::test]
async fn a_gap_is_refused_by_name_counted_and_changes_nothing() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    local.accepted("r", history(0, &["{\"_step\":0}"])).await;

    for file in ["wandb-history.jsonl", "wandb-events.jsonl"] {
        let body = json!({"files": {file: {"offset": 2, "content": ["{}"]}}});
        let answer = local.post("r", body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let text: Value = answer.json().await.unwrap();
        let error = text["error"].as_str().unwrap();
        assert!(error.contains(file) && error.contains("got 2"), "{error}");
    }

    assert_eq!(local.rows("r").await, ["{\"_step\":0}"]);
    assert_eq!(local.run("r").await["violations"], json!({"gap": 2}));
    local.stop().await;
}

#[tokio::test]
async fn the_exit_code_decides_between_finished_and_failed() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    for (run, code, state) in [("a", 0, "finished"), ("b", 3, "failed")] {
        local.upsert(run, json!({})).await;
        assert_eq!(local.run(run).await["state"], "running");
        let answer = local
            .accepted(run, json!({"complete": true, "exitcode": code}))
            .await;
        assert_eq!(answer["exitcode"], code);
        let run = local.run(run).await;
        assert_eq!(
            (&run["state"], &run["exitcode"]),
            (&json!(state), &json!(code))
        );
    }
    local.stop().await;
}

#[tokio::test]
async fn an_ended_run_takes_only_repetitions_until_it_is_opened_again() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let mut last = history(0, &["{\"_step\":0}"]);
    last["complete"] = json!(true);
    last["exitcode"] = json!(0);
    local.accepted("r", last.clone()).await;

    local.accepted("r", last).await;
    let more = local.post("r", history(1, &["{\"_step\":1}"])).await;
    assert_eq!(more.status(), StatusCode::CONFLICT);
    assert_eq!(
        local.run("r").await["violations"],
        json!({"after_complete": 1})
    );

    local.upsert("r", json!({})).await;
    local.accepted("r", history(1, &["{\"_step\":1}"])).await;
    assert_eq!(local.rows("r").await.len(), 2);
    assert_eq!(local.run("r").await["state"], "running");
    local.stop().await;
}

#[tokio::test]
async fn a_large_post_is_taken_whole_and_survives_a_restart() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let filler = "x".repeat(300);
    let rows: Vec<String> = (0..30_000)
        .map(|step| format!("{{\"_step\":{step},\"loss\":{step}.5,\"s\":\"{filler}\"}}"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();

    local.accepted("r", history(0, &rows)).await;
    local.stop().await;
    let local = Local::start(&data).await;

    assert_eq!(local.rows("r").await, rows);
    let keys = local.run("r").await["metrics"].clone();
    assert!(
        keys.as_array()
            .unwrap()
            .contains(&json!({"key": "loss", "kind": "number", "rows": 30_000}))
    );
    local.stop().await;
}

#[tokio::test]
async fn a_file_that_is_called_uploaded_but_never_came_is_counted() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "here.txt").await;
    assert_eq!(local.put(&url, "text").await, StatusCode::OK);

    local
        .accepted("r", json!({"uploaded": ["here.txt", "never.txt"]}))
        .await;

    assert_eq!(
        local.run("r").await["violations"],
        json!({"uploaded_without_file": 1})
    );
    local.stop().await;
}
