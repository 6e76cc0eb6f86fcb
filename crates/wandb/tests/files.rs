//! Files of runs.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use support::{Reply, Server, destination, limits, opened};
use wandbd_upload::{Content, Destination, SendError, UploadFile};

fn text(name: &str, content: &'static str) -> UploadFile {
    UploadFile {
        name: name.to_owned(),
        content: Content::Bytes(Bytes::from_static(content.as_bytes())),
    }
}

fn on_disk(name: &str, path: PathBuf) -> UploadFile {
    UploadFile {
        name: name.to_owned(),
        content: Content::Path(path),
    }
}

/// Addresses below `/up/` for each name.
fn addresses(server: &Server, names: &[&str]) -> Value {
    let files = names.iter().map(|name| {
        json!({"name": name, "uploadUrl": format!("{}/up/{name}?signature=hush", server.url)})
    });
    let files: Value = files.collect();
    json!({"createRunFiles": {"runID": "1", "uploadHeaders": ["Content-Type: text/plain"], "files": files}})
}

#[tokio::test]
async fn files_are_put_as_the_server_says_and_without_credentials() {
    let server = Server::start().await;
    server.reply(
        "CreateRunFiles",
        Reply::data(&addresses(&server, &["a.txt", "media/b", "empty"])),
    );
    for name in ["a.txt", "media/b", "empty"] {
        server.reply(&format!("PUT /up/{name}"), Reply::status(200));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let content = "0123456789".repeat(50_000);
    std::fs::write(&path, &content).unwrap();
    let mut settings = server.settings();
    settings.headers.insert("X-Team".into(), "red".into());
    settings
        .headers
        .insert("Authorization".into(), "Bearer of-somebody".into());
    let files = [
        text("a.txt", "hello"),
        on_disk("media/b", path),
        text("empty", ""),
    ];

    let results = destination(settings, limits())
        .put_files(&opened(), &files)
        .await;

    assert_eq!(results.len(), 3);
    for result in results {
        result.result.unwrap();
    }
    assert_eq!(
        server.call("CreateRunFiles").variables()["files"],
        json!(["a.txt", "media/b", "empty"])
    );
    for (name, expect) in [
        ("a.txt", "hello"),
        ("media/b", content.as_str()),
        ("empty", ""),
    ] {
        let call = server.call(&format!("PUT /up/{name}"));
        assert_eq!(call.body, expect.as_bytes());
        assert_eq!(
            call.header("content-length"),
            Some(expect.len().to_string().as_str())
        );
        assert_eq!(call.header("transfer-encoding"), None);
        assert_eq!(call.header("content-type"), Some("text/plain"));
        assert_eq!(call.header("x-team"), Some("red"));
        assert_eq!(call.header("authorization"), None);
    }
}

#[tokio::test]
async fn what_fails_for_one_file_does_not_hold_up_the_others() {
    let server = Server::start().await;
    let names = ["gone", "old", "busy", "stale", "bad", "good"];
    server.reply("CreateRunFiles", Reply::data(&addresses(&server, &names)));
    let expired = "<Error><Code>ExpiredToken</Code></Error>";
    server.reply("PUT /up/old", Reply::status(403));
    server.reply("PUT /up/busy", Reply::status(503).with("retry-after", "7"));
    server.reply("PUT /up/stale", Reply::Say(400, Vec::new(), expired.into()));
    server.reply("PUT /up/bad", Reply::status(413));
    server.reply("PUT /up/good", Reply::status(200));
    let mut files = vec![on_disk("gone", "/nowhere/at/all".into())];
    files.extend(names[1..].iter().map(|name| text(name, "x")));

    let results = server.destination().put_files(&opened(), &files).await;

    assert_eq!(results.len(), names.len());
    for result in results {
        let fits = match (result.name.as_str(), &result.result) {
            ("gone", Err(SendError::Missing { path, .. })) => path.ends_with("all"),
            ("old", Err(SendError::Expired { status })) => *status == 403,
            ("busy", Err(SendError::Busy(pause))) => *pause == Some(Duration::from_secs(7)),
            ("stale", Err(SendError::Expired { status })) => *status == 400,
            ("bad", Err(SendError::Rejected { status, .. })) => *status == 413,
            ("good", Ok(())) => true,
            _ => false,
        };
        assert!(fits, "{result:?}");
        if let Err(error) = result.result {
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn an_unauthorized_request_for_addresses_is_the_answer_for_every_file() {
    let server = Server::start().await;
    server.reply("CreateRunFiles", Reply::status(401));

    let results = server
        .destination()
        .put_files(&opened(), &[text("a", "a"), text("b", "b")])
        .await;

    let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    for result in &results {
        assert!(
            matches!(result.result, Err(SendError::Unauthorized(_))),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn one_name_that_is_refused_does_not_cost_the_batch() {
    let server = Server::start().await;
    server.reply("CreateRunFiles", Reply::error("bad name"));
    server.reply("CreateRunFiles", Reply::data(&addresses(&server, &["a"])));
    server.reply("CreateRunFiles", Reply::error("bad name: b"));
    server.reply("PUT /up/a", Reply::status(200));

    let results = server
        .destination()
        .put_files(&opened(), &[text("a", "a"), text("b", "b")])
        .await;

    assert!(results[0].result.is_ok(), "{results:?}");
    let refusal = results[1].result.as_ref().unwrap_err().to_string();
    assert!(refusal.contains("bad name: b"), "{refusal}");
}

#[tokio::test]
async fn an_upload_that_does_not_move_is_given_up() {
    let server = Server::start().await;
    server.reply("CreateRunFiles", Reply::data(&addresses(&server, &["a"])));
    server.reply("PUT /up/a", Reply::Hang);
    let mut short = limits();
    short.stall = Duration::from_millis(50);

    let results = destination(server.settings(), short)
        .put_files(&opened(), &[text("a", "a")])
        .await;

    assert!(
        matches!(results[0].result, Err(SendError::Timeout(_))),
        "{results:?}"
    );
}

#[tokio::test]
async fn an_address_without_a_host_belongs_to_the_server() {
    let server = Server::start().await;
    let files = json!([{"name": "a", "uploadUrl": "/up/a?s=1"}, {"name": "b", "uploadUrl": null}]);
    let answer = json!({"createRunFiles": {"runID": "1", "uploadHeaders": null, "files": files}});
    server.reply("CreateRunFiles", Reply::data(&answer));
    server.reply("PUT /up/a", Reply::status(200));

    let results = server
        .destination()
        .put_files(&opened(), &[text("a", "a"), text("b", "b")])
        .await;

    let by_name = |name: &str| results.iter().find(|result| result.name == name).unwrap();
    assert!(by_name("a").result.is_ok(), "{results:?}");
    assert!(
        matches!(by_name("b").result, Err(SendError::NoAddress)),
        "{results:?}"
    );
}
