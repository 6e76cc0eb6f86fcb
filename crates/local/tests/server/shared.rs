//! Several writers of one run.

use super::*;

async fn post_as(local: &Local, writer: &str, body: Value) -> Response {
    local
        .with_key(Method::POST, "/files/local/p/r/file_stream")
        .header("X-WANDB-USE-ASYNC-FILESTREAM", "true")
        .header("X-WANDB-ASYNC-CLIENT-ID", writer)
        .json(&body)
        .send()
        .await
        .unwrap()
}

async fn taken(local: &Local, writer: &str, body: Value) {
    let answer = post_as(local, writer, body).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn each_writer_counts_its_own_lines_and_all_make_one_history() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    taken(&local, "a", history(0, &["{\"_step\":0,\"a\":1}"])).await;
    taken(
        &local,
        "b",
        history(0, &["{\"_step\":0,\"b\":1}", "{\"b\":2}"]),
    )
    .await;
    taken(&local, "a", history(1, &["{\"_step\":1,\"a\":2}"])).await;
    taken(&local, "b", history(1, &["{\"b\":2}"])).await;

    let expect = [
        "{\"_step\":0,\"a\":1}",
        "{\"_step\":0,\"b\":1}",
        "{\"_step\":2,\"b\":2}",
        "{\"_step\":1,\"a\":2}",
    ];
    let rows = local.rows("r").await;
    assert_eq!(rows.len(), expect.len());
    assert_eq!(rows[0], expect[0]);
    assert_eq!(rows[1], expect[1]);
    assert!(rows[2].contains("\"b\":2") && rows[2].contains("\"_step\""));
    assert_eq!(rows[3], expect[3]);
    assert_eq!(local.run("r").await["violations"], json!({}));
    local.stop().await;
}

#[tokio::test]
async fn a_writer_may_not_skip_its_own_numbers() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    taken(&local, "a", history(0, &["{}", "{}", "{}"])).await;

    for (writer, offset) in [("a", 4), ("b", 4)] {
        let answer = post_as(&local, writer, history(offset, &["{}"])).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }

    assert_eq!(local.run("r").await["violations"], json!({"gap": 2}));
    local.stop().await;
}

#[tokio::test]
async fn a_writer_that_comes_late_may_go_on_after_the_lines_of_the_run() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    taken(&local, "a", history(0, &["{}", "{}", "{}"])).await;

    taken(&local, "late", history(3, &["{\"late\":0}"])).await;
    taken(&local, "a", history(3, &["{\"a\":3}"])).await;
    taken(&local, "late", history(4, &["{\"late\":1}"])).await;
    taken(&local, "late", history(3, &["{\"late\":9}"])).await;

    let rows = local.rows("r").await;
    let expect = ["\"late\":9", "\"a\":3", "\"late\":1"];
    assert_eq!(rows.len(), 6);
    for (row, expect) in rows[3..].iter().zip(expect) {
        assert!(row.contains(expect), "{row}");
    }
    assert_eq!(local.run("r").await["violations"], json!({}));
    local.stop().await;
}

#[tokio::test]
async fn console_lines_summaries_and_configs_of_all_writers_are_kept() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local
        .upsert("r", json!({"config": "{\"a\":{\"value\":1}}"}))
        .await;
    let line = |label: &str, text: &str| {
        json!({"ts": "2026-01-01T00:00:00.000001", "label": label, "content": text}).to_string()
    };
    let post = |text: String, summary: &str| {
        json!({"files": {"output.log": {"offset": 0, "content": [text]},
                         "wandb-summary.json": {"offset": 0, "content": [summary]}}})
    };

    taken(
        &local,
        "a",
        post(line("n-0", "50%"), "{\"x\":1,\"both\":1}"),
    )
    .await;
    taken(
        &local,
        "b",
        post(line("n-1", "hello"), "{\"y\":NaN,\"both\":2}"),
    )
    .await;
    taken(
        &local,
        "a",
        post(line("n-0", "100%"), "{\"x\":2,\"both\":3}"),
    )
    .await;
    let input = json!({"name": "r", "modelName": "p",
                       "config": "{\"b\":{\"value\":2},\"_wandb\":{\"value\":{\"e\":{\"b\":{}}}}}"});
    let body = json!({"query": UPSERT, "variables": {"input": input}});
    local
        .with_key(Method::POST, "/graphql")
        .header("X-WANDB-USE-ASYNC-FILESTREAM", "true")
        .json(&body)
        .send()
        .await
        .unwrap();

    let console = local.get("/api/runs/local/p/r/console").await;
    let lines: Vec<Value> = console["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["label"], line["text"]]))
        .collect();
    assert_eq!(json!(lines), json!([["n-0", "100%"], ["n-1", "hello"]]));
    let run = local.run("r").await;
    assert_eq!(run["summary"], json!({"x": 2, "y": "NaN", "both": 3}));
    assert_eq!(run["config"]["a"], json!({"value": 1}));
    assert_eq!(run["config"]["b"], json!({"value": 2}));
    local.stop().await;
}

#[tokio::test]
async fn lines_after_another_writers_end_are_kept_and_the_end_stays() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    taken(&local, "a", json!({"complete": true, "exitcode": 3})).await;

    taken(&local, "b", history(0, &["{\"_step\":0}"])).await;

    let run = local.run("r").await;
    assert_eq!(
        (&run["state"], &run["exitcode"], &run["historyLineCount"]),
        (&json!("failed"), &json!(3), &json!(1))
    );
    local.stop().await;
}
