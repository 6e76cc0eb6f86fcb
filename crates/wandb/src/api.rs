//! Requests to the API: with credentials, a limit, and an answer that is read to its end.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use tokio::sync::Semaphore;
use wandbd_upload::SendError;

use crate::answer;
use crate::credentials::Credentials;
use crate::error::WandbError;
use crate::settings::ServerSettings;
use crate::transports::{Limits, Transports};
use crate::url::BaseUrl;

/// An answer is not read further than this many bytes.
const ANSWER_MAX: usize = 64 << 20;

/// Neither is that of an error.
const ERROR_MAX: usize = 64 << 10;

/// Shorter header values are not looked for in what a server says.
const SECRET_MIN: usize = 8;

/// One server with one key.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) http: Client,
    pub(crate) base: BaseUrl,
    pub(crate) limits: Limits,
    /// Leave to upload a file of an artifact.
    pub(crate) puts: Arc<Semaphore>,
    /// On every request.
    pub(crate) headers: HeaderMap,
    /// On GraphQL requests.
    pub(crate) graphql_headers: HeaderMap,
    /// On posts of lines.
    pub(crate) stream_headers: HeaderMap,
    credentials: Arc<Credentials>,
    secrets: Vec<String>,
}

impl Api {
    pub(crate) fn new(
        transports: &Transports,
        settings: ServerSettings,
    ) -> Result<Self, WandbError> {
        let base = BaseUrl::parse(&settings.base_url)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let refuse = || WandbError::Header(name.clone());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| refuse())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let mut graphql_headers = HeaderMap::new();
        for (name, value) in [
            ("x-wandb-username", &settings.username),
            ("x-wandb-user-email", &settings.email),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                graphql_headers.insert(HeaderName::from_static(name), value);
            }
        }
        let http = transports.client(&settings)?;
        let limits = limits(transports.limits(), &settings);
        let tokens = transports.tokens(&base, &settings.key);
        let values = settings.headers.into_values();
        Ok(Api {
            http,
            credentials: Arc::new(Credentials::new(settings.key, &base, tokens)),
            base,
            limits,
            puts: transports.puts(),
            headers,
            graphql_headers,
            stream_headers: HeaderMap::new(),
            secrets: values.filter(|value| value.len() >= SECRET_MIN).collect(),
        })
    }

    /// The same for one of several writers of a run; for the only one it is the same.
    pub(crate) fn of_writer(&self, id: &str) -> Cow<'_, Api> {
        let Ok(id) = HeaderValue::from_str(id) else {
            return Cow::Borrowed(self);
        };
        if id.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut api = self.clone();
        let yes = HeaderValue::from_static("true");
        for (headers, name) in [
            (&mut api.graphql_headers, "x-wandb-client-id"),
            (&mut api.stream_headers, "x-wandb-async-client-id"),
        ] {
            headers.insert("x-wandb-use-async-filestream", yes.clone());
            headers.insert(HeaderName::from_static(name), id.clone());
        }
        Cow::Owned(api)
    }

    /// The `Authorization` header.
    pub(crate) async fn authorization(&self) -> Result<HeaderValue, SendError> {
        if let Some(tokens) = self.credentials.tokens() {
            let header = tokens.header(&self.http, &self.headers).await;
            return header.map_err(|error| self.discreet(error));
        }
        let advice = || SendError::Unauthorized(self.credentials.advice());
        let key = self.credentials.key().ok_or_else(advice)?;
        key.header().ok_or_else(advice)
    }

    /// Looks for a newer key.
    pub(crate) async fn reload_credentials(&self) {
        let credentials = Arc::clone(&self.credentials);
        if let Err(error) = tokio::task::spawn_blocking(move || credentials.reload()).await {
            tracing::error!(%error, "credentials not read");
        }
    }

    /// Posts JSON below the base URL and reads the answer of a success.
    pub(crate) async fn post(
        &self,
        address: String,
        more: &HeaderMap,
        body: impl Into<reqwest::Body>,
        limit: Duration,
    ) -> Result<Bytes, SendError> {
        let authorization = self.authorization().await?;
        let mut headers = self.headers.clone();
        headers.extend(more.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, authorization);
        let exchange = async {
            let request = self.http.post(address).headers(headers).body(body);
            let response = request.send().await.map_err(|e| unreachable(e, limit))?;
            let status = response.status();
            if status.is_success() {
                return read(response, ANSWER_MAX, limit).await;
            }
            let headers = response.headers().clone();
            let body = read(response, ERROR_MAX, limit).await.unwrap_or_default();
            Err(answer::refusal(status.as_u16(), &headers, &body))
        };
        match tokio::time::timeout(limit, exchange).await {
            Ok(answer) => answer.map_err(|error| self.discreet(error)),
            Err(_) => Err(SendError::Timeout(limit)),
        }
    }

    /// Takes secrets out of what the server said.
    pub(crate) fn discreet(&self, mut error: SendError) -> SendError {
        let (SendError::Server { reason, .. }
        | SendError::Unauthorized(reason)
        | SendError::Forbidden(reason)
        | SendError::Gone { reason, .. }
        | SendError::Conflict(reason)
        | SendError::Rejected { reason, .. }
        | SendError::Usage(reason)) = &mut error
        else {
            return error;
        };
        for secret in self.secrets.iter().chain(&self.credentials.secrets()) {
            if reason.contains(secret) {
                *reason = reason.replace(secret, "***");
            }
        }
        error
    }
}

/// What holds for all, and what these settings want otherwise.
fn limits(all: &Limits, settings: &ServerSettings) -> Limits {
    Limits {
        graphql: settings.http_timeout.unwrap_or(all.graphql),
        file_stream: settings.file_stream_timeout.unwrap_or(all.file_stream),
        transfer: settings.file_transfer_timeout.or(all.transfer),
        ..all.clone()
    }
}

/// Reads a body up to `max` bytes; what is longer is an error.
pub(crate) async fn read(
    mut response: Response,
    max: usize,
    limit: Duration,
) -> Result<Bytes, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unreachable(e, limit))? {
        if body.len() + chunk.len() > max {
            return Err(SendError::Unreachable("the answer is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// No answer. The address is left out: it may be a signed one.
pub(crate) fn unreachable(error: reqwest::Error, limit: Duration) -> SendError {
    if error.is_timeout() && !error.is_connect() {
        return SendError::Timeout(limit);
    }
    SendError::Unreachable(Box::new(error.without_url()))
}
