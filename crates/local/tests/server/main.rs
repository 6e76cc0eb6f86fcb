//! The embedded server over a real socket: what it takes, what it refuses, what it gives back.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod alerts;
mod artifacts;
mod branches;
mod browser;
mod file_stream;
mod files;
mod login;
mod page;
mod runs;
mod shared;
mod states;
mod tokens;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wandbd_local::{Clock, Config, LocalError, LocalServer, Rules};

/// A running server and a client for it.
struct Local {
    url: String,
    page_url: String,
    key: String,
    http: Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), LocalError>>,
}

impl Local {
    async fn start(data: &TempDir) -> Self {
        Self::start_with(Config::new(data.path().join("data"))).await
    }

    async fn start_with(config: Config) -> Self {
        let server = LocalServer::bind(config).await.unwrap();
        let stop = CancellationToken::new();
        Self {
            url: server.url().to_owned(),
            page_url: server.page_url(),
            key: server.api_key().reveal().to_owned(),
            http: client(),
            stop: stop.clone(),
            task: tokio::spawn(server.serve(stop)),
        }
    }

    async fn start_by(data: &TempDir, rules: Rules, clock: &Hands) -> Self {
        let mut config = Config::new(data.path().join("data"));
        config.rules = Some(rules);
        config.clock = clock.clock();
        Self::start_with(config).await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    fn with_key(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path)
            .basic_auth("api", Some(&self.key))
    }

    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let answer = self
            .with_key(Method::POST, "/graphql")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// The `data` of an answer without errors.
    async fn data(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.graphql(query, variables).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"].take()
    }

    async fn upsert(&self, run: &str, more: Value) -> Value {
        let mut input = json!({"name": run, "modelName": "p"});
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        self.data(UPSERT, json!({"input": input})).await["upsertBucket"].clone()
    }

    async fn post(&self, run: &str, body: Value) -> Response {
        self.with_key(Method::POST, &format!("/files/local/p/{run}/file_stream"))
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    async fn accepted(&self, run: &str, body: Value) -> Value {
        let answer = self.post(run, body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn run(&self, run: &str) -> Value {
        self.get(&format!("/api/runs/local/p/{run}")).await
    }

    async fn state(&self, run: &str) -> String {
        self.run(run).await["state"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.with_key(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn rows(&self, run: &str) -> Vec<String> {
        let path = format!("/api/runs/local/p/{run}/history?limit=100000");
        let answer = self.with_key(Method::GET, &path).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        serde_json::from_value(answer["lines"].clone()).unwrap()
    }

    /// Announces a file of a run and returns the address to upload it to.
    async fn upload_url(&self, run: &str, name: &str) -> String {
        let query = "mutation M($r: String!, $f: [String!]!) { createRunFiles(input: {projectName: \"p\", runName: $r, \
                     files: $f}) { runID uploadHeaders files { name uploadUrl } } }";
        let data = self.data(query, json!({"r": run, "f": [name]})).await;
        let url = &data["createRunFiles"]["files"][0]["uploadUrl"];
        url.as_str().unwrap().to_owned()
    }

    async fn put(&self, url: &str, body: &str) -> StatusCode {
        let request = self.http.put(url).body(body.to_owned());
        request.send().await.unwrap().status()
    }
}

/// The hands of a clock that only tests move.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        #[allow(clippy::cast_precision_loss, reason = "a day of milliseconds")]
        Clock::from_fn(move || 1.0e9 + millis.load(Ordering::SeqCst) as f64 / 1000.0)
    }

    fn advance_s(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

const UPSERT: &str = "mutation Up($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted bucket { id name \
                      displayName config tags notes historyLineCount project { name entity { name } } } } }";

fn client() -> Client {
    // Another test of this process may have done it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

fn history(offset: i64, rows: &[&str]) -> Value {
    json!({"files": {"wandb-history.jsonl": {"offset": offset, "content": rows}}})
}

fn md5_base64(text: &str) -> String {
    STANDARD.encode(Md5::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
