//! Access tokens, got for an identity token (a JWT in a file).
//!
//! ```text
//! POST {base}/oidc/token  grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={JWT}
//! -> {"access_token": "...", "expires_in": 3600}
//! ```
//!
//! One exchange at a time serves all runs of a server. A token with five minutes or less to live is exchanged again, and so is one that
//! the server has refused. The file is read for each exchange. What is refused is tried again as missing credentials are, later and later.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde::Deserialize;
use wandbd_upload::SendError;

use crate::answer;
use crate::api::{read, unreachable};
use crate::token_cache;
use crate::url::BaseUrl;

/// A token with no more than this to live is not used any more.
const RESERVE: Duration = Duration::from_mins(5);

/// An answer to an exchange is waited for this long.
const LIMIT: Duration = Duration::from_secs(10);

/// And read no further than this, in bytes.
const ANSWER_MAX: usize = 256 << 10;

/// A token that does not say how long it lives is used for this long, in seconds.
const LIFE: f64 = 3600.0;

/// What the server gives for an identity token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access(.. until {})", self.expires)
    }
}

impl Access {
    fn lasts(&self) -> bool {
        let left = self.expires.duration_since(Timestamp::now());
        Duration::try_from(left).is_ok_and(|left| left > RESERVE)
    }
}

#[derive(Default)]
struct Known {
    current: Option<Access>,
    /// The token that the server refused last.
    refused: Option<String>,
    /// What was in the file last.
    identity: String,
}

/// The access tokens of one identity token file at one server.
pub(crate) struct Tokens {
    base: String,
    file: PathBuf,
    cache: Option<PathBuf>,
    known: Mutex<Known>,
    /// One exchange at a time.
    exchange: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<f64>,
}

impl Tokens {
    pub(crate) fn new(base: &BaseUrl, file: &Path, cache: Option<&Path>) -> Tokens {
        Tokens {
            base: base.as_str().to_owned(),
            file: file.to_owned(),
            cache: cache.map(Path::to_owned),
            known: Mutex::default(),
            exchange: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `Authorization` header; exchanges the identity token when that is due. `headers` go with the exchange.
    pub(crate) async fn header(
        &self,
        http: &Client,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, SendError> {
        let _alone = self.exchange.lock().await;
        let current = self.known().current.clone().filter(Access::lasts);
        let access = match current {
            Some(access) => access,
            None => self.renew(http, headers).await?,
        };
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", access.token)).map_err(|_| {
                SendError::Unauthorized("the access token is no HTTP header".to_owned())
            })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The token in use is no good.
    pub(crate) fn refused(&self) {
        let mut known = self.known();
        if let Some(access) = known.current.take() {
            known.refused = Some(access.token);
        }
    }

    /// What must not be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let known = self.known();
        let token = known.current.iter().map(|access| access.token.clone());
        let all = token
            .chain(known.refused.clone())
            .chain([known.identity.clone()]);
        all.filter(|secret| !secret.is_empty()).collect()
    }

    async fn renew(&self, http: &Client, headers: &HeaderMap) -> Result<Access, SendError> {
        if let Some(access) = self.cached().await {
            self.known().current = Some(access.clone());
            return Ok(access);
        }
        let identity = self.identity().await?;
        self.known().identity.clone_from(&identity);
        let access = self.exchanged(http, headers, &identity).await?;
        self.known().current = Some(access.clone());
        self.keep(access.clone()).await;
        Ok(access)
    }

    async fn cached(&self) -> Option<Access> {
        let (cache, base) = (self.cache.clone()?, self.base.clone());
        let found = tokio::task::spawn_blocking(move || token_cache::find(&cache, &base)).await;
        let refused = self.known().refused.clone();
        let access = found.ok().flatten()?;
        (access.lasts() && refused.as_ref() != Some(&access.token)).then_some(access)
    }

    async fn keep(&self, access: Access) {
        let (Some(cache), base) = (self.cache.clone(), self.base.clone()) else {
            return;
        };
        let path = cache.clone();
        let kept =
            tokio::task::spawn_blocking(move || token_cache::keep(&path, &base, &access)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(path = %cache.display(), %error, "the access token is not kept on disk");
        }
    }

    async fn identity(&self) -> Result<String, SendError> {
        let refuse = |why: &dyn fmt::Display| {
            let file = self.file.display();
            SendError::Unauthorized(format!("identity token file {file}: {why}"))
        };
        let text = tokio::fs::read_to_string(&self.file).await;
        let text = text.map_err(|error| refuse(&error))?;
        match text.trim() {
            "" => Err(refuse(&"it is empty")),
            token => Ok(token.to_owned()),
        }
    }

    async fn exchanged(
        &self,
        http: &Client,
        headers: &HeaderMap,
        identity: &str,
    ) -> Result<Access, SendError> {
        let assertion = utf8_percent_encode(identity, NON_ALPHANUMERIC);
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let body = format!("grant_type={grant}&assertion={assertion}");
        let mut headers = headers.clone();
        headers.remove(AUTHORIZATION);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let ask = async {
            let request = http.post(format!("{}/oidc/token", self.base));
            let request = request.headers(headers).body(body);
            let response = request.send().await.map_err(|e| unreachable(e, LIMIT))?;
            let status = response.status();
            let headers = response.headers().clone();
            let body = read(response, ANSWER_MAX, LIMIT).await?;
            if status.is_success() {
                return Ok(body);
            }
            Err(self.judge(
                answer::refusal(status.as_u16(), &headers, &body),
                status.as_u16(),
            ))
        };
        let body = match tokio::time::timeout(LIMIT, ask).await {
            Ok(body) => body?,
            Err(_) => return Err(SendError::Timeout(LIMIT)),
        };
        let now = Timestamp::now();
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| answer::nonsense("the token exchange", "no access token in it"))?;
        let life = Duration::try_from_secs_f64(answer.expires_in.unwrap_or(LIFE));
        Ok(Access {
            token: answer.access_token,
            expires: now.checked_add(life.unwrap_or_default()).unwrap_or(now),
        })
    }

    /// A refusal of the identity token, whatever its status says.
    fn judge(&self, error: SendError, status: u16) -> SendError {
        if !(400..500).contains(&status) || matches!(error, SendError::Busy(_)) {
            return error;
        }
        let file = self.file.display();
        SendError::Unauthorized(format!(
            "the server does not take the identity token file {file} ({status}): {error}"
        ))
    }
}
