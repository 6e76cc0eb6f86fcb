//! What each status means on each channel. No answer is the end of a run.

mod support;

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use support::{Reply, Server, destination, limits, opened, start};
use wandbd_upload::{Content, Destination, Policy, Post, RunState, SendError, UploadFile};

fn file() -> UploadFile {
    UploadFile {
        name: "a".into(),
        content: Content::Bytes(Bytes::from_static(b"A")),
    }
}

/// Asks once on `channel`, with `reply` as the answer.
async fn ask(channel: &str, reply: Reply) -> Result<(), SendError> {
    let server = Server::start().await;
    let address = format!("{}/up/a", server.url);
    let files = json!([{"name": "a", "uploadUrl": address}]);
    let addresses = json!({"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}});
    let none = json!({"serverInfo": {"features": []}});
    server.reply("Features", Reply::data(&none));
    let destination = server.destination();
    let put = async |destination: &dyn Destination| {
        let mut results = destination.put_files(&opened(), &[file()]).await;
        results.remove(0).result
    };
    match channel {
        "upsert" => {
            server.reply("UpsertBucket", reply);
            destination.open(&start("")).await.map(drop)
        }
        "resume" => {
            server.reply("RunResumeStatus", reply);
            destination.open(&start("must")).await.map(drop)
        }
        "update" => {
            server.reply("UpsertBucket", reply);
            let state = RunState {
                config_json: "{}".into(),
                params: None,
            };
            destination.update(&opened(), &state).await
        }
        "file_stream" => {
            server.reply("file_stream", reply);
            let post = Post::default();
            destination.post(&opened(), &post).await.map(drop)
        }
        "createRunFiles" => {
            server.reply("CreateRunFiles", reply);
            put(&destination).await
        }
        _ => {
            server.reply("CreateRunFiles", Reply::data(&addresses));
            server.reply("PUT /up/a", reply);
            put(&destination).await
        }
    }
}

fn busy(wish: &str) -> Reply {
    Reply::status(429).with("retry-after", wish)
}

#[tokio::test]
async fn each_status_leads_to_its_policy_on_every_channel() {
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    let later = "Wed, 21 Oct 2026 07:29:30 GMT";
    let after = |seconds| Policy::After(Duration::from_secs_f64(seconds));
    let table = [
        (Reply::status(400), Policy::Refuse),
        (Reply::status(401), Policy::Reauthorize),
        (Reply::status(403), Policy::Hourly),
        (Reply::status(404), Policy::Hourly),
        (Reply::status(409), Policy::Reopen),
        (Reply::status(410), Policy::Hourly),
        (Reply::status(413), Policy::Refuse),
        (Reply::status(422), Policy::Refuse),
        (Reply::status(429), Policy::BackOff),
        (busy("90"), after(90.0)),
        (busy("0.5"), after(0.5)),
        (busy(later).with("date", date), after(90.0)),
        (Reply::status(500), Policy::BackOff),
        (Reply::status(502), Policy::BackOff),
        (Reply::status(503), Policy::BackOff),
        (Reply::status(504), Policy::BackOff),
        (Reply::Cut, Policy::BackOff),
    ];
    for channel in ["upsert", "update", "file_stream", "createRunFiles"] {
        for (reply, expect) in table.clone() {
            let error = ask(channel, reply).await.unwrap_err();

            assert_eq!(error.policy(false), expect, "{channel}: {error:?}");
        }
    }
}

#[tokio::test]
async fn storage_knows_no_credentials_so_a_fresh_address_is_asked_for() {
    for (status, expect) in [
        (400, Policy::Refuse),
        (401, Policy::BackOff),
        (403, Policy::BackOff),
        (404, Policy::BackOff),
        (409, Policy::BackOff),
        (410, Policy::BackOff),
        (413, Policy::Refuse),
        (422, Policy::Refuse),
        (429, Policy::BackOff),
        (500, Policy::BackOff),
    ] {
        let error = ask("put", Reply::status(status)).await.unwrap_err();

        assert_eq!(error.policy(true), expect, "{error:?}");
    }
    let error = ask("put", busy("7")).await.unwrap_err();
    assert_eq!(error.policy(true), Policy::After(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_run_that_must_be_there_and_is_not_known_is_for_a_person() {
    for status in [404, 410] {
        let error = ask("resume", Reply::status(status)).await.unwrap_err();

        assert!(matches!(error, SendError::Usage(_)), "{error:?}");
    }
    let error = ask("resume", Reply::status(500)).await.unwrap_err();
    assert_eq!(error.policy(false), Policy::BackOff);
}

#[tokio::test]
async fn a_host_that_is_not_there_and_one_that_speaks_no_tls_are_tried_again() {
    let server = Server::start().await;
    let no_tls = server.url.replace("http://", "https://");
    // The uploader's advice goes by these words.
    for (address, words) in [
        ("http://no-such-host.invalid", "dns error"),
        (no_tls.as_str(), "corrupt message"),
    ] {
        let mut settings = server.settings();
        settings.base_url = address.to_owned();
        let destination = destination(settings, limits());

        let error = destination
            .post(&opened(), &Post::default())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
        assert_eq!(error.policy(true), Policy::BackOff);
        assert!(error.explain().contains(words), "{}", error.explain());
    }
}

#[tokio::test]
async fn timeouts_and_the_interval_of_the_settings_are_kept() {
    let server = Server::start().await;
    server.reply("file_stream", Reply::Hang);
    let mut settings = server.settings();
    settings.file_stream_timeout = Some(Duration::from_millis(50));
    settings.http_timeout = Some(Duration::from_mins(5));
    settings.transmit_interval = Some(Duration::from_secs(42));
    let destination = destination(settings, limits());

    let error = destination
        .post(&opened(), &Post::default())
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::Timeout(limit) if limit == Duration::from_millis(50)));
    let pace = destination.pace();
    assert_eq!(pace.interval, Duration::from_secs(42));
    assert!(
        pace.call_timeout
            .is_some_and(|limit| limit > Duration::from_mins(5))
    );
}
