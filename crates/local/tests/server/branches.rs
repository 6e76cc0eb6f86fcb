//! Forks and rewinds.

use super::*;

const REWIND: &str = "mutation Rw($r: String!, $v: Float!) { rewindRun(input: {runName: $r, entityName: \"local\", projectName: \
                      \"p\", metricName: \"_step\", metricValue: $v}) { rewoundRun { name historyLineCount } } }";

async fn a_run_of_five_steps(local: &Local) {
    local.upsert("source", json!({})).await;
    let rows: Vec<String> = (0..5)
        .map(|step| {
            format!(
                "{{\"_step\":{},\"loss\":{step},\"k{step}\":NaN}}",
                step * 10
            )
        })
        .collect();
    let mut post = json!({"complete": true, "exitcode": 0});
    post["files"] = json!({"wandb-history.jsonl": {"offset": 0, "content": rows}});
    local.accepted("source", post).await;
}

fn marked(source: &str, step: i64) -> Value {
    let mark =
        json!({"_wandb": {"value": {"t": {}, "branch_point": {"run_id": source, "step": step}}}});
    json!({"config": mark.to_string()})
}

#[tokio::test]
async fn a_fork_begins_with_the_rows_of_its_source_up_to_the_step() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    a_run_of_five_steps(&local).await;

    let made = local.upsert("fork", marked("source", 25)).await;
    let again = local.upsert("fork", marked("source", 25)).await;

    assert_eq!(made["bucket"]["historyLineCount"], 3);
    assert_eq!(again["bucket"]["historyLineCount"], 3);
    assert_eq!(local.rows("fork").await, local.rows("source").await[..3]);
    let run = local.run("fork").await;
    assert_eq!(run["lastStep"], 20);
    assert_eq!(run["summary"]["loss"], 2);
    assert_eq!(run["state"], "running");
    local
        .accepted("fork", history(3, &["{\"_step\":26}"]))
        .await;
    assert_eq!(local.rows("fork").await.len(), 4);
    assert_eq!(local.rows("source").await.len(), 5);
    local.stop().await;
}

#[tokio::test]
async fn a_fork_of_a_run_that_is_not_there_is_refused_and_makes_nothing() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let mut input = marked("nowhere", 1);
    input["name"] = json!("fork");
    input["modelName"] = json!("p");

    let answer = local.graphql(UPSERT, json!({"input": input})).await;

    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("nowhere"), "{message}");
    assert_eq!(local.get("/api/runs").await, json!([]));
    local.stop().await;
}

#[tokio::test]
async fn a_rewind_cuts_rows_keys_and_summary_and_opens_the_run_again() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    a_run_of_five_steps(&local).await;

    let answer = local.data(REWIND, json!({"r": "source", "v": 10})).await;
    let upserted = local.upsert("source", marked("source", 10)).await;

    assert_eq!(answer["rewindRun"]["rewoundRun"]["historyLineCount"], 2);
    assert_eq!(upserted["bucket"]["historyLineCount"], 2);
    let run = local.run("source").await;
    assert_eq!(
        (&run["state"], &run["lastStep"]),
        (&json!("running"), &json!(10))
    );
    assert_eq!(
        run["summary"],
        json!({"_step": 10, "loss": 1, "k0": "NaN", "k1": "NaN"})
    );
    let metrics = run["metrics"].as_array().unwrap();
    assert!(
        metrics.iter().all(|metric| metric["key"] != "k4"),
        "{metrics:?}"
    );
    local
        .accepted("source", history(2, &["{\"_step\":11}"]))
        .await;
    assert_eq!(local.rows("source").await.len(), 3);
    local.stop().await;
}
