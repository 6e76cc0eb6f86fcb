//! Identity tokens become access tokens.

use super::*;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

async fn exchange(local: &Local, grant: &str, assertion: &str) -> Response {
    local
        .request(Method::POST, "/oidc/token")
        .form(&[("grant_type", grant), ("assertion", assertion)])
        .send()
        .await
        .unwrap()
}

fn rules() -> Rules {
    Rules {
        identity_tokens: vec!["good.jwt.token".into()],
        access_token_s: 60,
        ..Rules::default()
    }
}

#[tokio::test]
async fn an_access_token_logs_in_until_it_expires() {
    let data = TempDir::new().unwrap();
    let hands = Hands::default();
    let local = Local::start_by(&data, rules(), &hands).await;
    let answer = exchange(&local, GRANT, "good.jwt.token").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["expires_in"], 60);
    let token = answer["access_token"].as_str().unwrap();
    let viewer = async || {
        let request = local.request(Method::POST, "/graphql").bearer_auth(token);
        let body = json!({"query": "{ viewer { entity } }"});
        request.json(&body).send().await.unwrap().status()
    };

    local.upsert("r", json!({})).await;
    assert_eq!(viewer().await, StatusCode::OK);
    let post = local
        .request(Method::POST, "/files/local/p/r/file_stream")
        .bearer_auth(token)
        .json(&json!({}));
    assert_eq!(post.send().await.unwrap().status(), StatusCode::OK);
    hands.advance_s(61);

    assert_eq!(viewer().await, StatusCode::UNAUTHORIZED);
    assert_eq!(local.get("/api/server").await["tokenExchanges"], 1);
    local.stop().await;
}

#[tokio::test]
async fn other_identity_tokens_and_other_grants_are_refused() {
    let data = TempDir::new().unwrap();
    let local = Local::start_by(&data, rules(), &Hands::default()).await;

    for (grant, assertion, code) in [
        (GRANT, "bad.jwt.token", "invalid_grant"),
        ("password", "good.jwt.token", "unsupported_grant_type"),
    ] {
        let answer = exchange(&local, grant, assertion).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], code);
    }
    assert_eq!(local.get("/api/server").await["tokenExchanges"], 0);
    local.stop().await;
}
