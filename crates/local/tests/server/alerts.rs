//! Alerts of runs.

use super::*;

const ALERT: &str = "mutation Al($t: String!, $s: AlertSeverity, $w: Duration) { notifyScriptableRunAlert(input: {entityName: \
                     \"local\", projectName: \"p\", runName: \"r\", title: $t, text: \"text\", severity: $s, waitDuration: $w}) { success } }";

#[tokio::test]
async fn an_alert_is_kept_and_repeats_within_its_wait_are_only_counted() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    local.upsert("r", json!({})).await;
    let send = async |title: &str| {
        let variables = json!({"t": title, "s": "WARN", "w": 60_000});
        let answer = local.data(ALERT, variables).await;
        assert_eq!(answer["notifyScriptableRunAlert"]["success"], true);
    };

    send("low").await;
    hands.advance_s(59);
    send("low").await;
    send("other").await;
    hands.advance_s(2);
    send("low").await;

    let alerts = local.run("r").await["alerts"].clone();
    let short: Vec<Value> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| json!([alert["title"], alert["severity"], alert["repeats"]]))
        .collect();
    let expect = json!([["low", "WARN", 1], ["other", "WARN", 0], ["low", "WARN", 0]]);
    assert_eq!(json!(short), expect);
    local.stop().await;
}

#[tokio::test]
async fn an_alert_without_severity_informs_and_a_wrong_one_is_refused() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    local.data(ALERT, json!({"t": "a"})).await;
    let wrong = local.graphql(ALERT, json!({"t": "b", "s": "LOUD"})).await;

    assert_eq!(local.run("r").await["alerts"][0]["severity"], "INFO");
    let message = wrong["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("LOUD"), "{message}");
    local.stop().await;
}
