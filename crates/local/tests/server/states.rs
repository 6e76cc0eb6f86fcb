//! States of runs, by a clock that the tests move.

use super::*;

const STOP: &str = "mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }";

#[tokio::test]
async fn a_run_without_posts_for_five_minutes_has_crashed_until_posts_resume() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    local.upsert("r", json!({})).await;
    local.accepted("r", json!({})).await;

    hands.advance_s(300);
    assert_eq!(local.state("r").await, "running");
    hands.advance_s(1);
    assert_eq!(local.state("r").await, "crashed");
    local.accepted("r", json!({})).await;
    assert_eq!(local.state("r").await, "running");
    local.stop().await;
}

#[tokio::test]
async fn a_run_that_announced_its_preemption_is_preempted_by_silence_or_by_a_bad_end() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    for run in ["silent", "bad", "good", "resumed"] {
        local.upsert(run, json!({})).await;
        local.accepted(run, json!({"preempting": true})).await;
        local.upsert(run, json!({"config": "{}"})).await;
        local.accepted(run, json!({})).await;
        assert_eq!(local.state(run).await, "preempting");
    }

    local
        .accepted("bad", json!({"complete": true, "exitcode": 1}))
        .await;
    local
        .accepted("good", json!({"complete": true, "exitcode": 0}))
        .await;
    local
        .accepted("resumed", json!({"complete": true, "exitcode": 1}))
        .await;
    local.upsert("resumed", json!({})).await;
    local.accepted("resumed", json!({})).await;
    assert_eq!(local.state("resumed").await, "running");
    hands.advance_s(301);

    assert_eq!(local.state("silent").await, "preempted");
    assert_eq!(local.state("bad").await, "preempted");
    assert_eq!(local.state("good").await, "finished");
    local.stop().await;
}

#[tokio::test]
async fn a_stopped_run_is_told_so_until_it_ends_as_killed() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    for run in ["ends", "silent", "graceful"] {
        let made = local.upsert(run, json!({})).await;
        assert_eq!(local.accepted(run, json!({})).await["stopped"], Value::Null);
        local.data(STOP, json!({"id": made["bucket"]["id"]})).await;
    }

    for run in ["ends", "silent", "graceful"] {
        assert_eq!(local.accepted(run, json!({})).await["stopped"], true);
    }
    let late = json!({"config": "{}"});
    local.upsert("ends", late).await;
    let ended = local
        .accepted("ends", json!({"complete": true, "exitcode": 255}))
        .await;
    local
        .accepted("graceful", json!({"complete": true, "exitcode": 0}))
        .await;
    hands.advance_s(301);

    assert_eq!(ended["stopped"], true);
    assert_eq!(local.state("ends").await, "killed");
    assert_eq!(local.state("silent").await, "killed");
    assert_eq!(local.state("graceful").await, "finished");
    local.upsert("ends", json!({})).await;
    assert_eq!(
        local.accepted("ends", json!({})).await["stopped"],
        Value::Null
    );
    local.stop().await;
}

#[tokio::test]
async fn the_public_api_sees_the_same_states_and_finds_runs_by_them() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    local.upsert("dead", json!({})).await;
    local.accepted("dead", json!({})).await;
    hands.advance_s(301);
    local.upsert("alive", json!({})).await;
    local.accepted("alive", json!({})).await;

    let query = "query Q($f: JSONString) { project(name: \"p\", entityName: \"local\") { runs(filters: $f) { edges { node { name state } } } } }";
    let found = local
        .data(query, json!({"f": "{\"state\": \"crashed\"}"}))
        .await;

    let edges = &found["project"]["runs"]["edges"];
    assert_eq!(
        *edges,
        json!([{"node": {"name": "dead", "state": "crashed"}}])
    );
    local.stop().await;
}
