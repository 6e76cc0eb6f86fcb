//! Making, changing, resuming, deleting runs.

use super::*;

#[tokio::test]
async fn an_upsert_makes_a_run_and_null_leaves_values_as_they_are() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    let made = local
        .upsert("r", json!({"config": "{\"lr\":{\"value\":1}}", "tags": ["a"], "notes": "n", "displayName": null}))
        .await;
    let again = local
        .upsert(
            "r",
            json!({"config": null, "tags": null, "displayName": "nice", "entityName": "local"}),
        )
        .await;

    assert_eq!(made["inserted"], true);
    assert_eq!(
        made["bucket"]["project"],
        json!({"name": "p", "entity": {"name": "local"}})
    );
    assert!(!made["bucket"]["displayName"].as_str().unwrap().is_empty());
    assert_eq!(again["inserted"], false);
    assert_eq!(again["bucket"]["id"], made["bucket"]["id"]);
    assert_eq!(again["bucket"]["config"], "{\"lr\":{\"value\":1}}");
    assert_eq!(again["bucket"]["tags"], json!(["a"]));
    assert_eq!(again["bucket"]["notes"], "n");
    assert_eq!(again["bucket"]["displayName"], "nice");
    local.stop().await;
}

#[tokio::test]
async fn an_empty_text_or_list_clears_what_was_there() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let query = "{ project(name: \"p\", entityName: \"local\") { run(name: \"r\") { group jobType notes tags displayName } } }";

    let full =
        json!({"tags": ["a"], "notes": "n", "groupName": "g", "jobType": "j", "displayName": "d"});
    local.upsert("r", full).await;
    let empty = json!({"tags": [], "notes": "", "groupName": "", "jobType": "", "displayName": ""});
    local.upsert("r", empty).await;

    let run = local.data(query, json!({})).await["project"]["run"].clone();
    let expect =
        json!({"group": null, "jobType": null, "notes": "", "tags": [], "displayName": "d"});
    assert_eq!(run, expect);
    local.stop().await;
}

#[tokio::test]
async fn a_sweep_is_known_by_the_runs_that_name_it() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("a", json!({"sweep": "sw1"})).await;
    local.upsert("b", json!({"sweep": "sw1"})).await;
    local.upsert("c", json!({})).await;
    let query = "query S($s: String!) { project(name: \"p\", entityName: \"local\") { totalSweeps sweep(sweepName: $s) { name state \
                 runCount config } run(name: \"a\") { sweepName } } }";

    let known = local.data(query, json!({"s": "sw1"})).await["project"].clone();
    let missing = local.data(query, json!({"s": "other"})).await["project"].clone();

    assert_eq!(known["run"]["sweepName"], "sw1");
    assert_eq!(known["totalSweeps"], 1);
    assert_eq!(known["sweep"]["runCount"], 2);
    assert_eq!(missing["sweep"], Value::Null);
    local.stop().await;
}

#[tokio::test]
async fn the_resume_query_tells_counts_tails_and_telemetry() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let query = "query Res($r: String!) { model(name: \"p\", entityName: null) { bucket(name: $r, missingOk: true) { \
                 id historyLineCount eventsLineCount logLineCount historyTail eventsTail wandbConfig(keys: [\"t\"]) \
                 summaryMetrics config tags notes } } }";

    local
        .upsert(
            "r",
            json!({"config": "{\"_wandb\":{\"value\":{\"t\":{\"5\":\"0\"},\"m\":[]}}}"}),
        )
        .await;
    local
        .accepted("r", json!({"files": {
            "wandb-history.jsonl": {"offset": 0, "content": ["{\"_step\":0}", "{\"_step\":7,\"loss\":NaN}"]},
            "wandb-events.jsonl": {"offset": 0, "content": ["{\"system.cpu\":1}"]},
            "wandb-summary.json": {"offset": 0, "content": ["{\"loss\":NaN}"]},
            "output.log": {"offset": 4, "content": ["x"]}}}))
        .await;
    let known = local.data(query, json!({"r": "r"})).await["model"]["bucket"].clone();
    let missing = local.data(query, json!({"r": "none"})).await;

    assert_eq!(known["historyLineCount"], 2);
    assert_eq!(known["eventsLineCount"], 1);
    assert_eq!(known["logLineCount"], 5);
    assert_eq!(
        known["historyTail"],
        "[\"{\\\"_step\\\":7,\\\"loss\\\":NaN}\"]"
    );
    assert_eq!(known["eventsTail"], "[\"{\\\"system.cpu\\\":1}\"]");
    assert_eq!(known["wandbConfig"], "{\"t\":{\"5\":\"0\"}}");
    assert_eq!(known["summaryMetrics"], "{\"loss\":NaN}");
    assert_eq!(missing["model"]["bucket"], Value::Null);
    local.stop().await;
}

#[tokio::test]
async fn an_unknown_operation_is_an_error_that_names_it() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    let answer = local.graphql("{ viewer { horoscope } }", json!({})).await;

    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("horoscope"), "{message}");
    local.stop().await;
}

#[tokio::test]
async fn a_deleted_run_is_gone_for_its_uploader() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let made = local.upsert("r", json!({})).await;
    local.accepted("r", history(0, &["{\"_step\":0}"])).await;

    let query = "mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }";
    local.data(query, json!({"id": made["bucket"]["id"]})).await;

    let answer = local.post("r", history(1, &["{\"_step\":1}"])).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    local.stop().await;
}

#[tokio::test]
async fn bad_names_are_refused() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    for (name, project) in [
        ("a/b", "p"),
        ("", "p"),
        (" a", "p"),
        ("a", "p/q"),
        ("a", "p?"),
    ] {
        let input = json!({"input": {"name": name, "modelName": project}});
        let answer = local.graphql(UPSERT, input).await;
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(
            message.starts_with("invalid"),
            "{name:?} {project:?}: {answer}"
        );
    }
    local.stop().await;
}
