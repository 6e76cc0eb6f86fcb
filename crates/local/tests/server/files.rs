//! Files of runs.

use super::*;

#[tokio::test]
async fn a_file_goes_up_and_comes_down_by_signed_addresses() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    for text in ["first", "second, longer"] {
        let url = local.upload_url("r", "media/a b.txt").await;
        assert_eq!(local.put(&url, text).await, StatusCode::OK);
        let run = local.run("r").await;
        let file = &run["files"][0];
        assert_eq!(file["name"], "media/a b.txt");
        assert_eq!(file["md5"], md5_base64(text));
        let down = local
            .http
            .get(file["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(down.text().await.unwrap(), text);
    }

    let keyed = local.with_key(Method::GET, "/files/local/p/r/media/a%20b.txt");
    assert_eq!(
        keyed.send().await.unwrap().text().await.unwrap(),
        "second, longer"
    );
    local.stop().await;
}

#[tokio::test]
async fn signed_addresses_refuse_an_authorization_header_and_forged_signatures() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "f").await;

    let with_key = local
        .http
        .put(&url)
        .basic_auth("api", Some(&local.key))
        .body("x");
    let forged = url.replace("signature=", "signature=0");
    let moved = url.replace("/run-file-1/", "/run-file-2/");

    assert_eq!(
        with_key.send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(local.put(&forged, "x").await, StatusCode::FORBIDDEN);
    assert_eq!(local.put(&moved, "x").await, StatusCode::FORBIDDEN);
    assert_eq!(local.run("r").await["files"], json!([]));
    local.stop().await;
}

#[tokio::test]
async fn a_wrong_content_md5_is_refused() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "f").await;

    let put = |md5: String| {
        local
            .http
            .put(&url)
            .header("Content-MD5", md5)
            .body("x")
            .send()
    };

    assert_eq!(
        put(md5_base64("y")).await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(local.run("r").await["files"], json!([]));
    assert_eq!(put(md5_base64("x")).await.unwrap().status(), StatusCode::OK);
    local.stop().await;
}
