//! Posts, and what the answers to them mean.

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::{KEY, Reply, Server, destination, limits, opened};
use wandbd_upload::{Block, Destination, Policy, Post, SendError};

#[tokio::test]
async fn lines_go_to_the_runs_own_address_and_a_wish_to_stop_comes_back() {
    let server = Server::start().await;
    server.reply(
        "file_stream",
        Reply::json(200, &json!({"exitcode": null, "limits": {}})),
    );
    server.reply("file_stream", Reply::json(200, &json!({"stopped": true})));
    server.reply(
        "file_stream",
        Reply::Say(200, Vec::new(), "not json".into()),
    );
    let destination = server.destination();
    let lines = ["{\"_step\":3}".to_owned()];
    let post = Post {
        history: Block::new(3, Arc::new(lines.to_vec()), 0..1),
        ..Post::default()
    };

    let mut stopped = Vec::new();
    for _ in 0..3 {
        stopped.push(destination.post(&opened(), &post).await.unwrap().stopped);
    }

    assert_eq!(stopped, [false, true, false]);
    let call = &server.calls()[0];
    assert_eq!(call.path, "/files/me/my%20digits/run1/file_stream");
    assert!(call.header("authorization").is_some());
    let block = json!({"offset": 3, "content": ["{\"_step\":3}"]});
    assert_eq!(
        call.json(),
        json!({"files": {"wandb-history.jsonl": block}})
    );
}

#[tokio::test]
async fn each_status_leads_to_its_policy() {
    let server = Server::start().await;
    let destination = server.destination();
    let pause = Duration::from_secs(90);
    for (reply, expect) in [
        (Reply::status(400), Policy::Refuse),
        (Reply::status(401), Policy::Reauthorize),
        (Reply::status(403), Policy::Hourly),
        (Reply::status(404), Policy::Told),
        (Reply::status(409), Policy::Reopen),
        (Reply::status(410), Policy::Told),
        (Reply::status(413), Policy::Refuse),
        (Reply::status(418), Policy::BackOff),
        (Reply::status(422), Policy::Refuse),
        (Reply::status(429), Policy::BackOff),
        (
            Reply::status(429).with("retry-after", "90"),
            Policy::After(pause),
        ),
        (Reply::status(500), Policy::BackOff),
        (Reply::status(501), Policy::BackOff),
        (
            Reply::status(503).with("retry-after", "90"),
            Policy::After(pause),
        ),
        (Reply::Cut, Policy::BackOff),
    ] {
        server.reply("file_stream", reply);

        let error = destination
            .post(&opened(), &Post::default())
            .await
            .unwrap_err();

        assert_eq!(error.policy(true), expect, "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_one_that_is_not_there_is_unreachable() {
    let server = Server::start().await;
    server.reply("file_stream", Reply::Hang);
    let mut short = limits();
    short.file_stream = Duration::from_millis(50);
    let hung = destination(server.settings(), short.clone());
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = server.settings();
    settings.base_url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let absent = destination(settings, limits());

    let hung = hung.post(&opened(), &Post::default()).await.unwrap_err();
    let absent = absent.post(&opened(), &Post::default()).await.unwrap_err();

    assert!(
        matches!(hung, SendError::Timeout(limit) if limit == short.file_stream),
        "{hung:?}"
    );
    assert!(matches!(absent, SendError::Unreachable(_)), "{absent:?}");
}

#[tokio::test]
async fn secrets_that_a_server_repeats_are_blotted_out() {
    let server = Server::start().await;
    let words = json!({"error": format!("key {KEY} with hunter2hunter2 is no good")});
    server.reply("file_stream", Reply::json(401, &words));
    let mut settings = server.settings();
    settings
        .headers
        .insert("X-Gate".into(), "hunter2hunter2".into());

    let error = destination(settings, limits())
        .post(&opened(), &Post::default())
        .await
        .unwrap_err();

    let text = format!("{error} {error:?}");
    assert!(text.contains("key *** with *** is no good"), "{text}");
    assert!(!text.contains(KEY) && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start().await;
    let elsewhere = Server::start().await;
    let to = format!("{}/files/x/file_stream", elsewhere.url);
    server.reply("file_stream", Reply::status(307).with("location", &to));

    let error = server
        .destination()
        .post(&opened(), &Post::default())
        .await
        .unwrap_err();

    assert!(error.to_string().contains(&elsewhere.url), "{error}");
    assert_eq!(elsewhere.names(), Vec::<String>::new());
}
