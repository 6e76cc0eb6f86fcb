//! Opening and updating runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use serde_json::{Value, json};
use support::{Reply, Server, destination, limits, opened, start};
use wandbd_record::v1;
use wandbd_upload::{Destination, ParamsChange, RunStart, RunState, SendError};

fn past() -> Value {
    json!({"model": {"bucket": {
        "id": "UnVuOjc=",
        "summaryMetrics": "{\"_step\":7,\"loss\":NaN}",
        "config": "{\"lr\":{\"value\":0.1},\"old\":{\"value\":1},\"_wandb\":{\"value\":{\"t\":{}}}}",
        "historyLineCount": 5, "eventsLineCount": 3, "logLineCount": 11,
        "historyTail": "[\"{\\\"_step\\\":7,\\\"_runtime\\\":34.5}\"]",
        "eventsTail": "[\"{\\\"_runtime\\\":40.2}\"]",
        "wandbConfig": "{\"t\":{}}", "tags": ["old"], "notes": "before", "group": "g",
    }}})
}

/// Says something more at `init`.
fn said(mut start: RunStart, say: impl FnOnce(&mut v1::OpenRun)) -> RunStart {
    let note = start.note.as_mut().unwrap();
    say(note.run.as_mut().unwrap());
    start
}

#[tokio::test]
async fn a_new_run_is_opened_with_all_that_is_known_and_called_as_the_server_says() {
    let server = Server::start().await;
    let features = json!({"serverInfo": {"features": [
        {"name": "STRUCTURED_CONSOLE_LOGS", "isEnabled": true}
    ]}, "viewer": {"email": "me@example.org"}});
    server.reply("Features", Reply::data(&features));
    server.reply("UpsertBucket", Reply::data(&support::bucket(0)));
    let mut settings = server.settings();
    settings.username = "somebody".into();
    settings.headers.insert("X-Team".into(), "red".into());

    let opened = destination(settings, limits())
        .open(&start(""))
        .await
        .unwrap();

    assert_eq!(
        (opened.entity.as_str(), opened.project.as_str()),
        ("me", "digits")
    );
    assert_eq!(opened.display_name, "calm-sea-1");
    assert_eq!(opened.url, format!("{}/me/digits/runs/run1", server.url));
    assert!(opened.structured_console && !opened.resumed);
    assert_eq!(opened.email, "me@example.org");
    assert_eq!((opened.history_base, opened.step_base), (0, 0));
    let call = server.call("UpsertBucket");
    let said = call.variables();
    assert_eq!(said["name"], "run1");
    assert_eq!(said["project"], "digits");
    assert_eq!(said["program"], "train.py");
    assert_eq!(said["tags"], json!(["a"]));
    assert_eq!(said["config"], start("").config_json);
    assert_eq!(
        (&said["entity"], &said["notes"], &said["id"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let login = "Basic YXBpOjAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODk=";
    assert_eq!(call.header("authorization"), Some(login));
    assert_eq!(call.header("x-wandb-username"), Some("somebody"));
    assert_eq!(call.header("x-team"), Some("red"));
    assert!(call.header("user-agent").unwrap().starts_with("wandbd/"));
}

#[tokio::test]
async fn a_resumed_run_goes_on_where_the_server_has_it() {
    let server = Server::start().await;
    server
        .reply("RunResumeStatus", Reply::data(&past()))
        .opens(5);

    let opened = server.destination().open(&start("allow")).await.unwrap();

    assert!(opened.resumed);
    assert_eq!(
        (opened.history_base, opened.events_base, opened.console_base),
        (5, 3, 11)
    );
    assert_eq!(opened.step_base, 8);
    assert!((opened.runtime_base - 40.0).abs() < f64::EPSILON);
    assert_eq!(opened.inherited_summary, r#"{"_step":7,"loss":NaN}"#);
    assert_eq!(opened.inherited_config, r#"{"lr":0.1,"old":1}"#);
    assert_eq!(
        (opened.tags.as_slice(), opened.notes.as_str()),
        (&["a".to_owned()][..], "before")
    );
    assert_eq!(opened.group, "g");
    let said = server.call("UpsertBucket").variables();
    assert_eq!(said["id"], "UnVuOjc=");
    let config: Value = serde_json::from_str(said["config"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&config["lr"]["value"], &config["old"]["value"]),
        (&json!(0.2), &json!(1))
    );
}

#[tokio::test]
async fn resume_never_refuses_a_run_that_exists_and_must_one_that_does_not() {
    for (mode, answer, expect) in [
        ("never", past(), Some("exists already")),
        ("must", json!({"model": null}), Some("does not exist")),
        ("never", json!({"model": {"bucket": null}}), None),
        ("allow", json!({"model": null}), None),
        ("must", past(), None),
    ] {
        let server = Server::start().await;
        server
            .reply("RunResumeStatus", Reply::data(&answer))
            .opens(0);

        let result = server.destination().open(&start(mode)).await;

        match (result, expect) {
            (Err(SendError::Usage(text)), Some(words)) => assert!(text.contains(words), "{text}"),
            (Ok(_), None) => {}
            (result, _) => panic!("{mode} {answer}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_run_whose_opening_was_answered_to_nobody_is_not_mistaken_for_a_strangers() {
    let ours = json!({"model": {"bucket": {
        "id": "UnVuOjc=", "config": start("").config_json, "summaryMetrics": "{}",
        "historyLineCount": 0, "eventsLineCount": 0, "logLineCount": 0, "wandbConfig": "{\"t\":{}}",
    }}});
    let server = Server::start().await;
    let absent = Reply::data(&json!({"model": null}));
    server
        .reply("RunResumeStatus", absent)
        .reply("RunResumeStatus", Reply::data(&ours));
    server.reply("Features", Reply::data(&json!({"serverInfo": null})));
    server.reply("UpsertBucket", Reply::Cut);
    server.reply("UpsertBucket", Reply::data(&support::bucket(0)));
    let destination = server.destination();

    let lost = destination.open(&start("never")).await.unwrap_err();
    let opened = destination.open(&start("never")).await.unwrap();

    assert!(matches!(lost, SendError::Unreachable(_)), "{lost:?}");
    assert!(!opened.resumed);
}

#[tokio::test]
async fn opening_once_more_after_a_conflict_does_not_ask_about_resuming() {
    let server = Server::start().await;
    server
        .reply("RunResumeStatus", Reply::data(&json!({"model": null})))
        .opens(0);
    server.reply("UpsertBucket", Reply::data(&support::bucket(3)));
    let destination = server.destination();

    destination.open(&start("never")).await.unwrap();
    destination.open(&start("never")).await.unwrap();

    let asked = server
        .names()
        .iter()
        .filter(|name| *name == "RunResumeStatus")
        .count();
    assert_eq!(asked, 1, "{:?}", server.names());
}

#[tokio::test]
async fn rows_go_behind_those_of_an_existing_run_unless_the_journal_holds_the_whole_of_it() {
    let mut foreign = start("");
    foreign.note = None;
    let mut foreign_resumed = foreign.clone();
    foreign_resumed.run.resumed = true;
    for (start, expect) in [(start(""), 9), (foreign, 0), (foreign_resumed, 9)] {
        let server = Server::start().await;
        server.opens(9);

        let opened = server.destination().open(&start).await.unwrap();

        assert_eq!(opened.history_base, expect);
    }
}

#[tokio::test]
async fn without_a_key_nobody_is_contacted_and_one_that_comes_later_is_found() {
    let server = Server::start().await;
    server.opens(0);
    let folder = tempfile::tempdir().unwrap();
    let netrc = folder.path().join("netrc");
    let mut settings = server.settings();
    settings.key.explicit = None;
    settings.key.netrc = Some(netrc.clone());
    let destination = destination(settings, limits());

    let error = destination.open(&start("")).await.unwrap_err();
    assert!(
        matches!(&error, SendError::Unauthorized(text) if text.contains("127.0.0.1:")),
        "{error}"
    );
    assert_eq!(server.names(), Vec::<String>::new());

    let host = server.url.trim_start_matches("http://");
    std::fs::write(
        &netrc,
        format!("machine {host} login user password {}", support::KEY),
    )
    .unwrap();
    destination.reauthorize().await;
    destination.open(&start("")).await.unwrap();
}

#[tokio::test]
async fn parameters_are_told_only_when_they_have_changed() {
    let server = Server::start().await;
    server.reply("UpsertBucket", Reply::data(&support::bucket(0)));
    server.reply("UpsertBucket", Reply::data(&support::bucket(0)));
    let destination = server.destination();
    let mut state = RunState {
        config_json: "{}".into(),
        params: None,
    };

    destination.update(&opened(), &state).await.unwrap();
    state.params = Some(ParamsChange {
        display_name: Some("new name".into()),
        notes: Some(String::new()),
        tags: Some(Vec::new()),
        group: Some("g".into()),
        ..ParamsChange::default()
    });
    destination.update(&opened(), &state).await.unwrap();

    let calls = server.calls();
    let [bare, full] = [calls[0].variables(), calls[1].variables()];
    assert_eq!(
        (&bare["id"], &bare["displayName"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(bare["entity"], "me");
    assert_eq!(
        (&full["id"], &full["displayName"]),
        (&json!("UnVuOjE="), &json!("new name"))
    );
    assert_eq!(
        (&bare["tags"], &bare["notes"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!((&full["tags"], &full["notes"]), (&json!([]), &json!("")));
    assert_eq!(
        (&full["group"], &full["jobType"]),
        (&json!("g"), &Value::Null)
    );
}

#[tokio::test]
async fn a_server_that_knows_no_features_has_none() {
    let server = Server::start().await;
    server.reply("Features", Reply::error("Cannot query field serverInfo"));
    server.reply("UpsertBucket", Reply::data(&support::bucket(0)));

    let opened = server.destination().open(&start("")).await.unwrap();

    assert!(!opened.structured_console);
}

#[tokio::test]
async fn graphql_errors_are_refusals_in_the_servers_words_and_nonsense_is_not() {
    let server = Server::start().await;
    let destination = server.destination();
    for (reply, expect) in [
        (
            Reply::error("permission denied"),
            "refused (200): UpsertBucket: permission denied",
        ),
        (Reply::data(&json!({"upsertBucket": null})), "no run in it"),
        (Reply::json(200, &json!("what")), "cannot be understood"),
    ] {
        server.reply("UpsertBucket", reply);
        let state = RunState {
            config_json: "{}".into(),
            params: None,
        };

        let error = destination.update(&opened(), &state).await.unwrap_err();

        assert!(error.to_string().contains(expect), "{error}");
    }
}

#[tokio::test]
async fn a_fork_begins_one_step_behind_and_says_where_it_is_from() {
    let server = Server::start().await;
    server.opens(6);
    let start = said(start(""), |open| {
        open.fork_from = Some(v1::Branch {
            run_id: "other".into(),
            step: 5,
        });
    });

    let opened = server.destination().open(&start).await.unwrap();

    assert_eq!(
        (opened.step_base, opened.history_base, opened.resumed),
        (6, 6, false)
    );
    assert_eq!(opened.branch.unwrap().run_id, "other");
    let said = server.call("UpsertBucket").variables();
    assert_eq!(said["id"], Value::Null);
    let config: Value = serde_json::from_str(said["config"].as_str().unwrap()).unwrap();
    let mark = json!({"run_id": "other", "step": 5});
    assert_eq!(config["_wandb"]["value"]["branch_point"], mark);
}

#[tokio::test]
async fn a_run_is_cut_back_before_it_is_opened() {
    let server = Server::start().await;
    let rewound = json!({"rewindRun": {"rewoundRun": {
        "id": "UnVuOjc=", "name": "run1", "displayName": "x", "sweepName": null, "historyLineCount": 4,
        "config": "{\"old\":{\"value\":1},\"lr\":{\"value\":9}}", "project": {"name": "digits", "entity": {"name": "me"}},
    }}});
    server.reply("RewindRun", Reply::data(&rewound)).opens(4);
    let start = said(start(""), |open| {
        open.resume_from = Some(v1::Branch {
            run_id: "run1".into(),
            step: 3,
        });
    });

    let opened = server.destination().open(&start).await.unwrap();

    assert_eq!(
        (opened.step_base, opened.history_base, opened.resumed),
        (4, 4, false)
    );
    let asked = server.call("RewindRun").variables();
    assert_eq!(
        (&asked["run"], &asked["metric"], &asked["value"]),
        (&json!("run1"), &json!("_step"), &json!(3))
    );
    let said = server.call("UpsertBucket").variables();
    assert_eq!(said["id"], "UnVuOjc=");
    let config: Value = serde_json::from_str(said["config"].as_str().unwrap()).unwrap();
    assert_eq!(config["old"]["value"], 1);
    assert_eq!(config["lr"]["value"], 0.2);
    assert_eq!(
        config["_wandb"]["value"]["branch_point"],
        json!({"run_id": "run1", "step": 3})
    );
}

#[tokio::test]
async fn a_fork_of_itself_and_a_rewind_that_the_server_refuses_are_for_a_person_to_correct() {
    let branch = |run_id: &str| {
        Some(v1::Branch {
            run_id: run_id.into(),
            step: 3,
        })
    };
    let from_itself = said(start(""), |open| open.fork_from = branch("run1"));
    let of_another = said(start(""), |open| open.resume_from = branch("run2"));
    let too_far = said(start(""), |open| open.resume_from = branch("run1"));
    for (start, expect) in [
        (from_itself, "forked from itself"),
        (of_another, "fork_from takes another"),
        (too_far, "step 3 is not there"),
    ] {
        let server = Server::start().await;
        server.reply("RewindRun", Reply::error("step 3 is not there"));

        let error = server.destination().open(&start).await.unwrap_err();

        assert!(matches!(error, SendError::Usage(_)), "{error:?}");
        assert!(error.to_string().contains(expect), "{error}");
    }
}

#[tokio::test]
async fn one_of_several_writers_says_who_it_is_and_counts_from_nothing() {
    let server = Server::start().await;
    server.opens(7);
    server.reply("file_stream", Reply::json(200, &json!({})));
    let mut start = said(start(""), |open| {
        open.shared = Some(v1::Shared {
            label: "node-1".into(),
            ..v1::Shared::default()
        });
    });
    start.note.as_mut().unwrap().session = "0190".into();
    let destination = server.destination();

    let opened = destination.open(&start).await.unwrap();
    destination
        .post(&opened, &wandbd_upload::Post::default())
        .await
        .unwrap();

    assert_eq!(
        (opened.history_base, opened.label.as_deref()),
        (0, Some("node-1"))
    );
    let upsert = server.call("UpsertBucket");
    assert_eq!(upsert.header("x-wandb-client-id"), Some("0190"));
    assert_eq!(upsert.header("x-wandb-use-async-filestream"), Some("true"));
    let post = server.call("file_stream");
    assert_eq!(post.header("x-wandb-async-client-id"), Some("0190"));
    assert_eq!(post.header("x-wandb-use-async-filestream"), Some("true"));
    assert_eq!(post.header("x-wandb-client-id"), None);
}

#[tokio::test]
async fn another_segment_of_a_run_goes_on_where_the_server_has_it() {
    let mut foreign = start("");
    foreign.note = None;
    let mut may_resume = foreign.clone();
    may_resume.run.resume = true;
    foreign.resume = true;
    for start in [foreign, may_resume] {
        let server = Server::start().await;
        server
            .reply("RunResumeStatus", Reply::data(&past()))
            .opens(5);

        let opened = server.destination().open(&start).await.unwrap();

        assert_eq!(
            (opened.resumed, opened.step_base, opened.history_base),
            (true, 8, 5)
        );
    }
}

#[tokio::test]
async fn a_run_that_is_made_again_is_not_asked_for() {
    let server = Server::start().await;
    server.opens(0);
    let mut start = start("must");
    start.again = true;

    let opened = server.destination().open(&start).await.unwrap();

    assert!(!opened.resumed);
    assert!(!server.names().contains(&"RunResumeStatus".to_owned()));
}
