//! Who gets in, and where the secrets lie.

use super::*;

#[tokio::test]
async fn only_the_api_key_by_basic_authentication_opens_the_client_side() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let viewer = json!({"query": "{ viewer { username entity } }"});

    for path in ["/graphql", "/files/local/p/r/file_stream"] {
        let post = || local.request(Method::POST, path).json(&viewer);
        let wrong_key = post().basic_auth("api", Some("0".repeat(40)));
        let wrong_user = post().basic_auth("user", Some(&local.key));
        let bearer = post().bearer_auth(&local.key);
        for request in [post(), wrong_key, wrong_user, bearer] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
            let body: Value = answer.json().await.unwrap();
            assert!(body["error"].as_str().unwrap().contains("API key"));
        }
    }

    let answer = local
        .data("{ viewer { username entity } }", json!({}))
        .await;
    assert_eq!(
        answer["viewer"],
        json!({"username": "local", "entity": "local"})
    );
    local.stop().await;
}

#[tokio::test]
async fn secrets_are_kept_for_the_next_start_in_private_files() {
    use std::os::unix::fs::PermissionsExt;
    let data = TempDir::new().unwrap();
    let first = Local::start(&data).await;
    let (key, page) = (first.key.clone(), first.page_url.clone());
    first.stop().await;

    let second = Local::start(&data).await;

    assert_eq!(second.key, key);
    assert_eq!(key.len(), 40);
    assert_eq!(
        second.page_url.split_once("token=").unwrap().1,
        page.split_once("token=").unwrap().1
    );
    let mode = |path: &str| {
        let path = data.path().join("data").join(path);
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for file in ["api-key", "page-token", "url-key"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    second.stop().await;
}

#[tokio::test]
async fn other_addresses_than_loopback_are_refused() {
    let data = TempDir::new().unwrap();
    let mut config = Config::new(data.path());
    config.listen = "0.0.0.0:0".parse().unwrap();

    let refused = LocalServer::bind(config).await;

    assert!(matches!(refused, Err(LocalError::NotLoopback(_))));
}

#[tokio::test]
async fn the_key_is_not_printed_by_debug() {
    let data = TempDir::new().unwrap();
    let server = LocalServer::bind(Config::new(data.path())).await.unwrap();

    assert_eq!(format!("{:?}", server.api_key()), "ApiKey(..)");
}
