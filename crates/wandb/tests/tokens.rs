//! Identity tokens, whose credentials they are, and files read back.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Reply, Server, destination, limits, opened};
use wandbd_upload::{Destination, Policy, Post, SendError};
use wandbd_wandb::{
    RunPath, ServerSettings, Transports, Verdict, fetch_file, has_credentials, verify,
};

/// Settings with an identity token file in `folder`, and nothing else to log in with.
fn settings(server: &Server, folder: &Path) -> ServerSettings {
    std::fs::write(folder.join("token"), " jwt.of.me \n").unwrap();
    let mut settings = server.settings();
    settings.key.explicit = None;
    settings.key.identity_token = Some(folder.join("token"));
    settings.key.token_cache = Some(folder.join("config/credentials.json"));
    settings
        .headers
        .insert("X-Team".into(), "red-red-red".into());
    settings
}

fn token(token: &str, expires_in: u32) -> Reply {
    let answer = json!({"access_token": token, "expires_in": expires_in});
    Reply::json(200, &answer)
}

const EXCHANGE: &str = "POST /oidc/token";

fn ok(server: &Server, times: usize) {
    for _ in 0..times {
        server.reply("file_stream", Reply::json(200, &json!({})));
    }
}

#[tokio::test]
async fn an_identity_token_is_exchanged_once_and_the_access_token_used_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    server.reply(EXCHANGE, token("first", 3600));
    ok(&server, 3);
    let settings = settings(&server, folder.path());
    assert!(has_credentials(&settings));

    let one = destination(settings.clone(), limits());
    for _ in 0..2 {
        one.post(&opened(), &Post::default()).await.unwrap();
    }
    let later = destination(settings, limits());
    later.post(&opened(), &Post::default()).await.unwrap();

    let exchange = server.call(EXCHANGE);
    let body = std::str::from_utf8(&exchange.body).unwrap();
    assert_eq!(
        body,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=jwt%2Eof%2Eme"
    );
    assert_eq!(exchange.header("authorization"), None);
    assert_eq!(exchange.header("x-team"), Some("red-red-red"));
    let form = Some("application/x-www-form-urlencoded");
    assert_eq!(exchange.header("content-type"), form);
    for call in server
        .calls()
        .iter()
        .filter(|call| call.name == "file_stream")
    {
        assert_eq!(call.header("authorization"), Some("Bearer first"));
    }
    let cache = std::fs::read(folder.path().join("config/credentials.json")).unwrap();
    let cache: Value = serde_json::from_slice(&cache).unwrap();
    assert_eq!(cache["credentials"][&server.url]["access_token"], "first");
}

#[tokio::test]
async fn a_token_that_is_about_to_end_or_was_refused_is_exchanged_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    server.reply(EXCHANGE, token("short", 300));
    server.reply(EXCHANGE, token("long", 3600));
    server.reply(EXCHANGE, token("newest", 3600));
    ok(&server, 2);
    server.reply("file_stream", Reply::status(401));
    ok(&server, 1);
    let destination = destination(settings(&server, folder.path()), limits());

    destination.post(&opened(), &Post::default()).await.unwrap();
    destination.post(&opened(), &Post::default()).await.unwrap();
    let refused = destination.post(&opened(), &Post::default()).await;
    std::fs::write(folder.path().join("token"), "jwt.of.you").unwrap();
    destination.reauthorize().await;
    destination.post(&opened(), &Post::default()).await.unwrap();

    assert_eq!(refused.unwrap_err().policy(true), Policy::Reauthorize);
    let mut calls = server.calls();
    let exchanges: Vec<_> = calls.extract_if(.., |call| call.name == EXCHANGE).collect();
    assert!(exchanges[2].body.ends_with(b"jwt%2Eof%2Eyou"));
    let used: Vec<_> = calls
        .iter()
        .map(|call| call.header("authorization").unwrap())
        .collect();
    assert_eq!(
        used,
        [
            "Bearer short",
            "Bearer long",
            "Bearer long",
            "Bearer newest"
        ]
    );
}

#[tokio::test]
async fn what_goes_wrong_with_an_exchange_is_tried_again_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let settings = settings(&server, folder.path());
    let destination = destination(settings, limits());
    let words = json!({"error": "jwt.of.me is expired"});
    for (reply, expect) in [
        (Reply::json(400, &words), Policy::Reauthorize),
        (Reply::json(403, &words), Policy::Reauthorize),
        (Reply::json(404, &words), Policy::Reauthorize),
        (Reply::json(429, &words), Policy::BackOff),
        (Reply::json(500, &words), Policy::BackOff),
        (Reply::json(200, &json!({})), Policy::BackOff),
    ] {
        server.reply(EXCHANGE, reply);

        let error = destination
            .post(&opened(), &Post::default())
            .await
            .unwrap_err();

        assert_eq!(error.policy(true), expect, "{error:?}");
        assert!(!error.explain().contains("jwt.of.me"), "{error:?}");
    }
    std::fs::remove_file(folder.path().join("token")).unwrap();
    let error = destination
        .post(&opened(), &Post::default())
        .await
        .unwrap_err();
    assert_eq!(error.policy(true), Policy::Reauthorize);
    assert!(error.to_string().contains("identity token file"), "{error}");
}

#[tokio::test]
async fn an_explicit_key_goes_before_an_identity_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    ok(&server, 1);
    let mut settings = settings(&server, folder.path());
    settings.key.explicit = server.settings().key.explicit;

    destination(settings, limits())
        .post(&opened(), &Post::default())
        .await
        .unwrap();

    assert_eq!(server.names(), ["file_stream"]);
}

#[tokio::test]
async fn a_server_tells_whose_a_key_is() {
    let me = json!({"viewer": {"entity": "team", "username": "me"}});
    let valid = Verdict::Valid {
        entity: "team".into(),
        username: "me".into(),
    };
    for (reply, expect) in [
        (Reply::data(&me), Some(valid)),
        (Reply::data(&json!({"viewer": null})), None),
        (Reply::status(401), None),
        (Reply::status(403), None),
    ] {
        let server = Server::start().await;
        server.reply("Viewer", reply);

        let verdict = verify(&Transports::new(), server.settings()).await;

        match expect {
            Some(expect) => assert_eq!(verdict, expect),
            None => assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}"),
        }
    }
    let server = Server::start().await;
    server.reply("Viewer", Reply::status(500));
    let verdict = verify(&Transports::new(), server.settings()).await;
    assert!(matches!(verdict, Verdict::Unreachable(_)), "{verdict:?}");
    let mut keyless = server.settings();
    keyless.key.explicit = None;
    let verdict = verify(&Transports::new(), keyless).await;
    assert!(
        matches!(&verdict, Verdict::Refused(text) if text.contains("wandbd login")),
        "{verdict:?}"
    );
}

fn file(direct: Option<&str>, address: &str) -> Value {
    let node = json!({"name": "a/model.bin", "directUrl": direct, "url": address});
    json!({"project": {"run": {"files": {"edges": [{"node": node}]}}}})
}

fn run() -> RunPath {
    RunPath {
        entity: "me".into(),
        project: "digits".into(),
        run: "run1".into(),
    }
}

#[tokio::test]
async fn a_file_is_read_back_and_credentials_go_only_to_the_server_itself() {
    let server = Server::start().await;
    let storage = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/model.bin");
    let away = format!("{}/stored/x?s=1", storage.url);
    let below = format!("{}/stored/signed?s=1", server.url);
    let content = || Reply::Say(200, Vec::new(), "weights".into());
    let onward = Reply::status(302).with("location", &away);
    server.reply("GET /files/x", onward);
    server.reply("GET /stored/signed", content());
    for _ in 0..2 {
        storage.reply("GET /stored/x", content());
    }
    for answer in [
        file(Some(&away), "/never"),
        file(Some(&below), "/never"),
        file(None, "/files/x"),
    ] {
        server.reply("RunFile", Reply::data(&answer));
        let settings = server.settings();

        let (transports, run) = (Transports::new(), run());
        let found = fetch_file(&transports, settings, &run, "a/model.bin", &target);

        assert!(found.await.unwrap());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "weights");
        std::fs::remove_file(&target).unwrap();
    }

    for call in storage.calls() {
        assert_eq!(call.header("authorization"), None);
    }
    let (signed, own) = (
        server.call("GET /stored/signed"),
        server.call("GET /files/x"),
    );
    assert_eq!(signed.header("authorization"), None);
    assert!(own.header("authorization").is_some());
    let left = std::fs::read_dir(folder.path().join("new")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_half_a_file_is_none() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model.bin");
    let fetch = async || {
        let settings = server.settings();
        fetch_file(&Transports::new(), settings, &run(), "a/model.bin", &target).await
    };
    let none = json!({"project": {"run": {"files": {"edges": []}}}});
    for answer in [
        json!({"project": null}),
        json!({"project": {"run": null}}),
        none,
    ] {
        server.reply("RunFile", Reply::data(&answer));
        assert!(!fetch().await.unwrap());
    }

    server.reply("RunFile", Reply::data(&file(None, "/stored/x")));
    server.reply("GET /stored/x", Reply::Cut);
    let cut = fetch().await.unwrap_err();
    server.reply("RunFile", Reply::data(&file(None, "/stored/x")));
    server.reply("GET /stored/x", Reply::status(404));
    let lost = fetch().await.unwrap_err();

    assert!(cut.to_string().contains("cannot reach"), "{cut}");
    assert!(lost.to_string().contains("404"), "{lost}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_alert_is_told_in_the_servers_words_or_refused() {
    let server = Server::start().await;
    let alert = wandbd_record::wandb::AlertRecord {
        title: "loss".into(),
        text: "is NaN".into(),
        level: "WARN".into(),
        wait_duration: 60_000,
    };
    let said = |success| Reply::data(&json!({"notifyScriptableRunAlert": {"success": success}}));
    server.reply("NotifyScriptableRunAlert", said(true));
    server.reply("NotifyScriptableRunAlert", said(false));
    let destination = server.destination();

    destination.alert(&opened(), &alert).await.unwrap();
    let refused = destination.alert(&opened(), &alert).await.unwrap_err();

    assert!(matches!(refused, SendError::Rejected { .. }), "{refused:?}");
    let told = server.calls()[0].variables();
    assert_eq!(
        told,
        json!({"entity": "me", "project": "my digits", "run": "run1", "title": "loss", "text": "is NaN", "severity": "WARN", "wait": 60_000})
    );
}
