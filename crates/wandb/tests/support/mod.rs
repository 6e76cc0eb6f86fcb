//! A server that says what it is told to say and remembers what it was asked.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

pub(crate) mod local;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use wandbd_record::{v1, wandb};
use wandbd_run::Opened;
use wandbd_upload::RunStart;
use wandbd_wandb::{ApiKey, Limits, ServerSettings, Transports, WandbDestination};

pub(crate) const KEY: &str = "0123456789012345678901234567890123456789";

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    Say(u16, Vec<(&'static str, String)>, String),
    /// Never answers.
    Hang,
    /// Begins to answer, then cuts the connection.
    Cut,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Reply::Say(status, Vec::new(), String::new())
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Reply::Say(status, Vec::new(), body.to_string())
    }

    pub(crate) fn data(data: &Value) -> Self {
        Reply::json(200, &json!({ "data": data }))
    }

    pub(crate) fn error(message: &str) -> Self {
        Reply::json(
            200,
            &json!({"data": null, "errors": [{"message": message}]}),
        )
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Reply::Say(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Reply::Say(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The GraphQL operation, `file_stream`, or method and path.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn variables(&self) -> Value {
        self.json()["variables"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Script {
    replies: HashMap<String, VecDeque<Reply>>,
    calls: Vec<Call>,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            url: format!("http://{}", listener.local_addr().unwrap()),
            script: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The next reply to requests of this name.
    pub(crate) fn reply(&self, name: &str, reply: Reply) -> &Self {
        let mut script = self.script.lock().unwrap();
        script
            .replies
            .entry(name.to_owned())
            .or_default()
            .push_back(reply);
        self
    }

    /// Forgets all replies that were not asked for.
    pub(crate) fn be_silent(&self) {
        self.script.lock().unwrap().replies.clear();
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.script.lock().unwrap().calls.clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.name).collect()
    }

    /// The only request of this name.
    pub(crate) fn call(&self, name: &str) -> Call {
        let mut calls = self.calls();
        calls.retain(|call| call.name == name);
        assert_eq!(calls.len(), 1, "{name}: {:?}", self.names());
        calls.remove(0)
    }

    pub(crate) fn settings(&self) -> ServerSettings {
        let mut settings = ServerSettings::new(&self.url);
        settings.key.explicit = Some(ApiKey::new(KEY));
        settings
    }

    pub(crate) fn destination(&self) -> WandbDestination {
        destination(self.settings(), limits())
    }

    /// Says that it has no features; says how it opens a run.
    pub(crate) fn opens(&self, history_lines: u64) -> &Self {
        let none = json!({"serverInfo": {"features": []}});
        self.reply("Features", Reply::data(&none));
        self.reply("UpsertBucket", Reply::data(&bucket(history_lines)))
    }
}

pub(crate) fn destination(settings: ServerSettings, limits: Limits) -> WandbDestination {
    WandbDestination::new(&Transports::with_limits(limits), settings).unwrap()
}

/// So short that a test waits for one, so long that nothing else runs into it.
pub(crate) fn limits() -> Limits {
    Limits {
        graphql: Duration::from_secs(20),
        file_stream: Duration::from_secs(20),
        stall: Duration::from_secs(20),
        ..Limits::default()
    }
}

pub(crate) fn bucket(history_lines: u64) -> Value {
    json!({"upsertBucket": {"inserted": history_lines == 0, "bucket": {
        "id": "UnVuOjE=", "name": "run1", "displayName": "calm-sea-1", "historyLineCount": history_lines,
        "project": {"name": "digits", "entity": {"name": "me"}},
    }}})
}

pub(crate) fn opened() -> Opened {
    Opened {
        storage_id: "UnVuOjE=".into(),
        entity: "me".into(),
        project: "my digits".into(),
        run_id: "run1".into(),
        ..Opened::default()
    }
}

/// A run of ours.
pub(crate) fn start(resume: &str) -> RunStart {
    RunStart {
        run: wandb::RunRecord {
            run_id: "run1".into(),
            project: "digits".into(),
            tags: vec!["a".into()],
            ..wandb::RunRecord::default()
        },
        note: Some(v1::Opened {
            run: Some(v1::OpenRun {
                resume: resume.into(),
                program: Some(v1::Program {
                    path: "train.py".into(),
                    ..v1::Program::default()
                }),
                ..v1::OpenRun::default()
            }),
            ..v1::Opened::default()
        }),
        config_json: r#"{"lr":{"value":0.2},"_wandb":{"value":{"t":{"5":"0"}}}}"#.into(),
        ..RunStart::default()
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let name = if path.ends_with("/graphql") {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        body["operationName"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    } else if path.ends_with("/file_stream") {
        "file_stream".to_owned()
    } else {
        format!("{method} {path}")
    };
    let reply = {
        let mut script = server.script.lock().unwrap();
        script.calls.push(Call {
            name: name.clone(),
            path,
            headers,
            body,
        });
        script.replies.get_mut(&name).and_then(VecDeque::pop_front)
    };
    match reply {
        Some(Reply::Say(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Some(Reply::Hang) => std::future::pending().await,
        Some(Reply::Cut) => {
            let begin = stream::iter([Ok(Bytes::from_static(b"{\"dat"))]);
            let cut = stream::once(async { Err(std::io::Error::other("cut")) });
            Response::new(Body::from_stream(begin.chain(cut)))
        }
        None => Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .body(Body::from(format!("nobody expected {name}")))
            .unwrap(),
    }
}
