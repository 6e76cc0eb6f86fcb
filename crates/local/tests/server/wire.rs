//! What tests can ask of the wire: limits, heartbeats, credentials, features.

use super::*;

#[tokio::test]
async fn posts_beyond_the_limit_of_a_run_get_429_and_are_counted() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let rules = Rules {
        posts_per_second_per_run: Some(2.0),
        ..Rules::default()
    };
    let local = Local::start_by(&data, rules, &hands).await;
    local.upsert("r", json!({})).await;
    local.upsert("other", json!({})).await;

    local.accepted("r", json!({})).await;
    local.accepted("r", json!({})).await;
    let third = local.post("r", json!({})).await;
    local.accepted("other", json!({})).await;

    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(third.headers()[RETRY_AFTER], "0.500");
    let counted = json!({"too_many_posts": 1});
    assert_eq!(local.run("r").await["violations"], counted);
    assert_eq!(
        local.get("/api/violations").await,
        json!({"local/p/r": counted})
    );
    hands.advance_s(1);
    local.accepted("r", json!({})).await;
    local.stop().await;
}

#[tokio::test]
async fn a_project_has_a_limit_of_its_own() {
    let data = TempDir::new().unwrap();
    let rules = Rules {
        posts_per_second_per_project: Some(3.0),
        ..Rules::default()
    };
    let local = Local::start_by(&data, rules, &Hands::default()).await;

    let mut statuses = Vec::new();
    for run in ["a", "b", "c", "d"] {
        local.upsert(run, json!({})).await;
        statuses.push(local.post(run, json!({})).await.status());
    }

    assert_eq!(statuses[..3], [StatusCode::OK; 3]);
    assert_eq!(statuses[3], StatusCode::TOO_MANY_REQUESTS);
    local.stop().await;
}

#[tokio::test]
async fn a_silence_longer_than_heartbeats_allow_is_counted_by_the_post_that_ends_it() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, Rules::default(), &hands).await;
    local.upsert("r", json!({})).await;
    local.accepted("r", json!({})).await;

    hands.advance_s(31);
    local.accepted("r", json!({})).await;
    assert_eq!(local.run("r").await["violations"], json!({}));
    hands.advance_s(36);
    local
        .accepted("r", json!({"complete": true, "exitcode": 0}))
        .await;
    hands.advance_s(600);
    local
        .accepted("r", json!({"complete": true, "exitcode": 0}))
        .await;

    let run = local.run("r").await;
    assert_eq!(run["violations"], json!({"heartbeat_gap": 1}));
    assert_eq!(run["longestSilence"], 36.0);
    local.stop().await;
}

#[tokio::test]
async fn credentials_on_a_signed_address_are_refused_and_counted_for_the_run() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "a.txt").await;

    let request = local.http.put(&url).basic_auth("api", Some(&local.key));
    let status = request.body("text").send().await.unwrap().status();

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        local.run("r").await["violations"],
        json!({"signed_with_authorization": 1})
    );
    local.stop().await;
}

#[tokio::test]
async fn a_file_that_comes_after_the_end_is_taken_and_counted() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "a.txt").await;
    assert_eq!(local.put(&url, "early").await, StatusCode::OK);
    assert_eq!(local.run("r").await["violations"], json!({}));
    local
        .accepted("r", json!({"complete": true, "exitcode": 0}))
        .await;

    assert_eq!(local.put(&url, "late").await, StatusCode::OK);

    assert_eq!(
        local.run("r").await["violations"],
        json!({"upload_after_complete": 1})
    );
    local.stop().await;
}

#[tokio::test]
async fn a_feature_can_be_switched_off() {
    let data = TempDir::new().unwrap();
    let rules = Rules {
        disabled_features: vec!["STRUCTURED_CONSOLE_LOGS".into()],
        ..Rules::default()
    };
    let local = Local::start_by(&data, rules, &Hands::default()).await;

    let answer = local
        .data("{ serverInfo { features { name isEnabled } } }", json!({}))
        .await;

    let features = answer["serverInfo"]["features"].as_array().unwrap();
    let on = |name: &str| {
        features
            .iter()
            .find(|feature| feature["name"] == name)
            .unwrap()["isEnabled"]
            .clone()
    };
    assert_eq!(on("STRUCTURED_CONSOLE_LOGS"), false);
    assert_eq!(on("CLIENT_IDS"), true);
    local.stop().await;
}
