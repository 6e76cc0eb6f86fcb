use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::credentials::ApiKey;
use crate::url::{DEFAULT_BASE_URL, without_userinfo};

/// A server and how to reach it, as the training process had it in its environment.
///
/// `Debug` shows no secret: no key, no header value, no proxy address.
#[derive(Clone, Default)]
pub struct ServerSettings {
    /// Address of the API, [`DEFAULT_BASE_URL`] when empty.
    pub base_url: String,
    /// Address of the pages, if it cannot be derived from `base_url`.
    pub app_url: Option<String>,
    /// Where the key comes from.
    pub key: KeySource,
    /// Added to every request, signed addresses included (there without `Authorization`).
    pub headers: BTreeMap<String, String>,
    /// Proxy for `http://` addresses. Loopback addresses are never asked for through a proxy.
    pub http_proxy: Option<String>,
    /// Proxy for `https://` addresses.
    pub https_proxy: Option<String>,
    /// Hosts to reach directly, separated by commas.
    pub no_proxy: Option<String>,
    /// PEM file with certificates to trust beside those of the system.
    pub ca_bundle: Option<PathBuf>,
    /// No certificate checks.
    pub insecure: bool,
    /// Whose run it is, where a service account uploads; empty: the key's owner.
    pub username: String,
    /// The same by mail address.
    pub email: String,
    /// Instead of [`Limits::graphql`](crate::Limits::graphql).
    pub http_timeout: Option<Duration>,
    /// Limit of a whole upload; otherwise only its progress is watched.
    pub file_transfer_timeout: Option<Duration>,
    /// Instead of [`Limits::file_stream`](crate::Limits::file_stream).
    pub file_stream_timeout: Option<Duration>,
    /// Between posts of a live run.
    pub transmit_interval: Option<Duration>,
    /// Bytes of lines in one post, instead of [`Pace::max_post_bytes`](wandbd_upload::Pace::max_post_bytes).
    pub post_max_bytes: Option<usize>,
}

/// Where a key comes from: the first of these that has one.
#[derive(Debug, Clone, Default)]
pub struct KeySource {
    /// Given by argument or environment.
    pub explicit: Option<ApiKey>,
    /// This file with an identity token (a JWT), which is exchanged for access tokens. Read again for each exchange.
    pub identity_token: Option<PathBuf>,
    /// This netrc file, read again after a 401.
    pub netrc: Option<PathBuf>,
    /// Where access tokens are kept between exchanges, in the released client's format; `None`: only in memory.
    pub token_cache: Option<PathBuf>,
}

impl ServerSettings {
    /// The server at `base_url`, without a key; the hosted service when it is empty.
    pub fn new(base_url: &str) -> Self {
        let base_url = base_url.trim().trim_end_matches('/');
        ServerSettings {
            base_url: match base_url {
                "" => DEFAULT_BASE_URL.to_owned(),
                named => named.to_owned(),
            },
            ..ServerSettings::default()
        }
    }
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings")
            .field("base_url", &without_userinfo(&self.base_url))
            .field("app_url", &self.app_url.as_deref().map(without_userinfo))
            .field("key", &self.key)
            .field("headers", &self.headers.keys())
            .field("http_proxy", &self.http_proxy.as_ref().map(|_| ".."))
            .field("https_proxy", &self.https_proxy.as_ref().map(|_| ".."))
            .field("no_proxy", &self.no_proxy)
            .field("ca_bundle", &self.ca_bundle)
            .field("insecure", &self.insecure)
            .field("username", &self.username)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let secret = "s".repeat(40);
        let with = format!("http://user:{secret}@proxy:3128");
        let settings = ServerSettings {
            key: KeySource {
                explicit: Some(ApiKey::new(&secret)),
                ..KeySource::default()
            },
            headers: BTreeMap::from([("X-Token".to_owned(), secret.clone())]),
            http_proxy: Some(with.clone()),
            https_proxy: Some(with),
            ..ServerSettings::new(&format!("https://me:{secret}@w.example"))
        };

        let shown = format!("{settings:?}");

        assert!(!shown.contains(&secret), "{shown}");
        assert!(
            shown.contains("X-Token") && shown.contains("w.example"),
            "{shown}"
        );
    }

    #[test]
    fn the_hosted_service_is_meant_when_no_server_is_named() {
        assert_eq!(ServerSettings::new("").base_url, "https://api.wandb.ai");
        assert_eq!(ServerSettings::new("http://h/").base_url, "http://h");
    }
}
