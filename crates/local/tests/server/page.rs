//! The page and the inspection API.

use super::*;

#[tokio::test]
async fn the_token_becomes_a_cookie_and_leaves_the_address() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    let locked = local.request(Method::GET, "/").send().await.unwrap();
    let wrong = local
        .request(Method::GET, "/?token=00")
        .send()
        .await
        .unwrap();
    let opened = local.http.get(&local.page_url).send().await.unwrap();

    assert_eq!(
        (locked.status(), wrong.status()),
        (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
    );
    assert!(locked.text().await.unwrap().contains("wandbd local"));
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    assert_eq!(opened.headers()[LOCATION], "/");
    let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    for path in ["/", "/local/p/runs/r", "/api/runs"] {
        let page = local
            .request(Method::GET, path)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{path}");
    }
    let api = local
        .request(Method::GET, "/api/runs")
        .send()
        .await
        .unwrap();
    assert_eq!(api.status(), StatusCode::UNAUTHORIZED);
    local.stop().await;
}

#[tokio::test]
async fn the_page_brings_everything_itself_and_may_load_nothing_else() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;

    for asset in [
        "main.js",
        "dom.js",
        "chart.js",
        "charts.js",
        "run.js",
        "artifacts.js",
        "lineage.js",
        "media.js",
        "pictures.js",
        "plots.js",
        "custom.js",
        "table.js",
        "style.css",
        "icon.svg",
    ] {
        let path = format!("/page/{asset}");
        let answer = local.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{asset}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'self'"));
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("innerHTML"),
            "{asset} must not make markup from text"
        );
        let foreign = text.replace("http://www.w3.org/", "");
        assert!(
            !foreign.contains("http://") && !foreign.contains("https://"),
            "{asset}"
        );
    }
    local.stop().await;
}

#[tokio::test]
async fn foreign_host_names_are_turned_away() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    let port = local.url.rsplit(':').next().unwrap().to_owned();
    let ask = |host: String| {
        local
            .request(Method::GET, "/api/health")
            .header(HOST, host)
            .send()
    };

    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let answer = ask(format!("{host}:{port}")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "localhost:1".to_owned(),
    ] {
        let answer = ask(host.clone()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    local.stop().await;
}

#[tokio::test]
async fn series_console_and_selected_keys_are_served() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let rows = [
        "{\"_step\":0,\"loss\":3,\"epoch\":0}",
        "{\"_step\":1,\"loss\":NaN}",
        "{\"_step\":2,\"loss\":1,\"epoch\":1}",
    ];
    local.accepted("r", history(0, &rows)).await;
    let lines = json!([
        "2026-01-01T00:00:00.000001 hi",
        "{\"ts\":\"t\",\"level\":\"error\",\"content\":\"oh\"}"
    ]);
    local
        .accepted(
            "r",
            json!({"files": {"output.log": {"offset": 0, "content": lines}}}),
        )
        .await;
    let get = async |path: &str| -> Value {
        let path = format!("/api/runs/local/p/r/{path}");
        let answer = local.with_key(Method::GET, &path).send().await.unwrap();
        answer.json().await.unwrap()
    };

    let series = get("series?keys=loss&points=100").await;
    assert_eq!(
        series,
        json!({"series": {"loss": {"x": [0.0, 2.0], "y": [3.0, 1.0]}}, "next": 3})
    );
    let by_epoch = get("series?keys=loss&x=epoch").await;
    assert_eq!(by_epoch["series"]["loss"]["x"], json!([0.0, 1.0]));
    let some = get("history?keys=loss&from=1").await;
    assert_eq!(some["lines"], json!(["{\"loss\":NaN}", "{\"loss\":1}"]));
    let console = get("console").await;
    assert_eq!(console["lines"][0]["text"], "hi");
    assert_eq!(console["lines"][1]["level"], "error");
    local.stop().await;
}

#[tokio::test]
async fn broken_requests_get_json_errors() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    let not_json = local
        .with_key(Method::POST, "/graphql")
        .header(CONTENT_TYPE, "application/json")
        .body("{");
    let bad_stream = local
        .with_key(Method::POST, "/files/local/p/r/file_stream")
        .body("[1]");
    let bad_file = local
        .with_key(Method::POST, "/files/local/p/r/file_stream")
        .json(&json!(
        {"files": {"passwd": {"offset": 0, "content": ["x"]}}}));
    for request in [not_json, bad_stream, bad_file] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = answer.json().await.unwrap();
        assert!(body["error"].is_string());
    }
    let nowhere = local
        .request(Method::GET, "/a/b/c/d/e")
        .header(AUTHORIZATION, "x")
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    local.stop().await;
}

#[tokio::test]
async fn the_stop_button_works_for_this_page_only() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let opened = local.http.get(&local.page_url).send().await.unwrap();
    let cookie = opened.headers()[SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let press = async |origin: Option<String>| {
        let request = local.request(Method::POST, "/api/runs/local/p/r/stop");
        let request = request.header("cookie", &cookie);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        request.send().await.unwrap().status()
    };

    assert_eq!(press(None).await, StatusCode::UNAUTHORIZED);
    let elsewhere = String::from("http://localhost:1");
    assert_eq!(press(Some(elsewhere)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(local.run("r").await["stopped"], false);
    assert_eq!(press(Some(local.url.clone())).await, StatusCode::OK);

    assert_eq!(local.run("r").await["stopped"], true);
    assert_eq!(local.accepted("r", json!({})).await["stopped"], true);
    local.stop().await;
}
