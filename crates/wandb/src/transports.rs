//! Connections, pooled per route and shared by all destinations.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Proxy, redirect};
use tokio::sync::Semaphore;
use tracing::warn;

use crate::error::WandbError;
use crate::settings::{KeySource, ServerSettings};
use crate::tokens::Tokens;
use crate::url::BaseUrl;

const USER_AGENT: &str = concat!("wandbd/", env!("CARGO_PKG_VERSION"));

const CONNECT: Duration = Duration::from_secs(30);

/// Files of artifacts that are uploaded at once, over all runs.
pub(crate) const PUTS: usize = 32;

/// Never through a proxy, as in other clients.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// How long answers may take and how large one upload may be. The defaults are W&B's; tests shorten them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// An answer to GraphQL is waited for this long.
    pub graphql: Duration,
    /// An answer to a `file_stream` post is waited for this long.
    pub file_stream: Duration,
    /// An upload that does not move for this long is given up.
    pub stall: Duration,
    /// A whole upload may take this long; `None`: as long as it moves.
    pub transfer: Option<Duration>,
    /// Artifact files of this size and more go up in parts, in bytes.
    pub multipart_from: u64,
    /// The size of a part, in bytes.
    pub part_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            graphql: Duration::from_secs(30),
            file_stream: Duration::from_mins(3),
            stall: Duration::from_mins(3),
            transfer: None,
            multipart_from: 2 << 30,
            part_bytes: 100 << 20,
        }
    }
}

/// What tells one way to the servers from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Route {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
    ca_bundle: Option<PathBuf>,
    insecure: bool,
}

/// One connection pool per route. Cheap to ask; make one per process.
pub struct Transports {
    limits: Limits,
    clients: Mutex<HashMap<Route, Client>>,
    /// Access tokens, by server and identity token file.
    tokens: Mutex<HashMap<(String, PathBuf), Arc<Tokens>>>,
    puts: Arc<Semaphore>,
}

impl Default for Transports {
    fn default() -> Self {
        Transports {
            limits: Limits::default(),
            clients: Mutex::default(),
            tokens: Mutex::default(),
            puts: Arc::new(Semaphore::new(PUTS)),
        }
    }
}

/// Chooses the TLS implementation of this process; calling it again does nothing.
pub fn install_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody may have been faster: then theirs is as good.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
    }
}

impl Transports {
    /// No connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Transports {
            limits,
            ..Transports::default()
        }
    }

    /// The access tokens for these settings, shared by all runs that use them.
    pub(crate) fn tokens(&self, base: &BaseUrl, source: &KeySource) -> Option<Arc<Tokens>> {
        let file = source.identity_token.as_deref()?;
        let key = (base.as_str().to_owned(), file.to_owned());
        let mut all = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = all
            .entry(key)
            .or_insert_with(|| Arc::new(Tokens::new(base, file, source.token_cache.as_deref())));
        Some(Arc::clone(tokens))
    }

    pub(crate) fn puts(&self) -> Arc<Semaphore> {
        Arc::clone(&self.puts)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The pool for these settings, made at first use. Reads certificates then.
    pub(crate) fn client(&self, settings: &ServerSettings) -> Result<Client, WandbError> {
        let text = |given: &Option<String>| given.as_deref().unwrap_or_default().trim().to_owned();
        let route = Route {
            http_proxy: text(&settings.http_proxy),
            https_proxy: text(&settings.https_proxy),
            no_proxy: text(&settings.no_proxy),
            ca_bundle: settings.ca_bundle.clone(),
            insecure: settings.insecure,
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&route) {
            return Ok(client.clone());
        }
        install_tls();
        let client = connect(&route)?;
        clients.insert(route, client.clone());
        Ok(client)
    }
}

fn connect(route: &Route) -> Result<Client, WandbError> {
    let certificates = match &route.ca_bundle {
        Some(path) => read_certificates(path)?,
        None => Vec::new(),
    };
    let trusting = builder(route)?.tls_certs_merge(certificates.clone());
    trusting.build().or_else(|error| {
        // Without any certificates of the system: http:// and the given bundle still work.
        warn!(%error, "cannot use the certificates of the system; only given ones are trusted");
        let only = builder(route)?.tls_certs_only(certificates);
        only.build().map_err(WandbError::Http)
    })
}

fn builder(route: &Route) -> Result<ClientBuilder, WandbError> {
    let mut builder = Client::builder()
        .no_proxy()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_mins(1))
        .pool_max_idle_per_host(PUTS)
        .tls_danger_accept_invalid_certs(route.insecure);
    if let Some(proxy) = proxy(&route.http_proxy, "http_proxy", Proxy::http, route)? {
        builder = builder.proxy(proxy);
    }
    if let Some(proxy) = proxy(&route.https_proxy, "https_proxy", Proxy::https, route)? {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

fn proxy(
    address: &str,
    name: &'static str,
    make: fn(String) -> reqwest::Result<Proxy>,
    route: &Route,
) -> Result<Option<Proxy>, WandbError> {
    if address.is_empty() {
        return Ok(None);
    }
    let proxy = make(address.to_owned()).map_err(|_| WandbError::Proxy(name))?;
    let direct = if route.no_proxy.is_empty() {
        DIRECT.to_owned()
    } else {
        format!("{},{DIRECT}", route.no_proxy)
    };
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&direct))))
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, WandbError> {
    let refuse = |source| WandbError::CaBundle {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(|error| refuse(error.into()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| refuse(error.into()))?;
    if certificates.is_empty() {
        return Err(refuse("no certificates in it".into()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pool_serves_all_that_take_the_same_route() {
        let transports = Transports::default();
        let plain = ServerSettings::default();
        let other_server = ServerSettings {
            base_url: "http://127.0.0.1:1".into(),
            ..ServerSettings::default()
        };
        let by_proxy = ServerSettings {
            https_proxy: Some("proxy:3128".into()),
            ..ServerSettings::default()
        };

        for settings in [&plain, &other_server, &by_proxy] {
            transports.client(settings).unwrap();
        }

        assert_eq!(transports.clients.lock().unwrap().len(), 2);
    }

    #[test]
    fn wrong_settings_are_refused_without_showing_a_password() {
        let transports = Transports::default();
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("ca.pem");
        std::fs::write(&empty, "nothing").unwrap();
        let proxy = ServerSettings {
            http_proxy: Some("http://user:hunter2@[".into()),
            ..ServerSettings::default()
        };
        let bundle = ServerSettings {
            ca_bundle: Some(empty),
            ..ServerSettings::default()
        };

        let proxy = transports.client(&proxy).unwrap_err();
        let bundle = transports.client(&bundle).unwrap_err();

        assert_eq!(
            proxy.to_string(),
            "http_proxy is not the address of a proxy"
        );
        assert!(matches!(bundle, WandbError::CaBundle { .. }), "{bundle}");
    }
}
