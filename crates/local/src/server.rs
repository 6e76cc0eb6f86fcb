//! Opening the data directory, listening, serving, stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Posting};
use crate::blobs::Blobs;
use crate::config::Config;
use crate::error::LocalError;
use crate::http::{self, Web};
use crate::pace::Pace;
use crate::rules::Rules;
use crate::secret::{self, ApiKey, Secrets};
use crate::sign::Signer;
use crate::store::Store;
use crate::uploads::Uploads;

/// How long requests under way may go on after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// The embedded server, bound and ready to serve.
pub struct LocalServer {
    listener: TcpListener,
    app: Arc<App>,
    url: String,
}

impl LocalServer {
    /// Opens the data directory (made where it is missing) and starts to listen; requests wait until [`LocalServer::serve`].
    ///
    /// # Errors
    /// [`LocalError`] when the address is not loopback or is taken, or when the directory cannot be used.
    pub async fn bind(config: Config) -> Result<Self, LocalError> {
        if !config.listen.ip().is_loopback() {
            return Err(LocalError::NotLoopback(config.listen));
        }
        let bind_error = |source| LocalError::Bind {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let storage = storage_base(&config, address).await;
        tokio::task::spawn_blocking(move || Self::open(&config, listener, address, &storage))
            .await
            .map_err(|error| LocalError::Serve(std::io::Error::other(error)))?
    }

    fn open(
        config: &Config,
        listener: TcpListener,
        address: SocketAddr,
        storage: &str,
    ) -> Result<Self, LocalError> {
        secret::private_dir(&config.data_dir)?;
        let rules = match &config.rules {
            Some(rules) => rules.clone(),
            None => Rules::of(&config.data_dir)?,
        };
        let secrets = Secrets::load_or_create(&config.data_dir)?;
        let store = Store::open(&config.data_dir.join("local.sqlite"))?;
        let blobs = Blobs::open(&config.data_dir)?;
        if let Err(error) = store.sweep(&blobs) {
            tracing::warn!(%error, "leftover parts of uploads stay on disk");
        }
        let url = base(config, address);
        let app = App {
            store,
            blobs,
            signer: Signer::new(&url, storage, &secrets.url_key, rules.signed_for_s),
            secrets,
            hosts: http::accepted_hosts(address.port(), config.public_url.as_deref()),
            port: address.port(),
            posting: Posting::default(),
            pace: Pace::new(&rules),
            rules,
            clock: config.clock.clone(),
            uploads: Uploads::default(),
            exchanges: AtomicU64::new(0),
        };
        Ok(Self {
            listener,
            app: Arc::new(app),
            url,
        })
    }

    /// The base URL for clients (`WANDB_BASE_URL`), such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page's address with the token that opens it. Whoever has it can read everything: show it to the owner only.
    pub fn page_url(&self) -> String {
        self.page_url_of("")
    }

    /// Like [`LocalServer::page_url`], for one run.
    pub fn run_page_url(&self, entity: &str, project: &str, run: &str) -> String {
        let part = |text: &str| {
            percent_encoding::utf8_percent_encode(text, crate::sign::COMPONENT).to_string()
        };
        self.page_url_of(&format!(
            "{}/{}/runs/{}",
            part(entity),
            part(project),
            part(run)
        ))
    }

    fn page_url_of(&self, path: &str) -> String {
        format!("{}/{path}?token={}", self.url, self.app.secrets.page_token)
    }

    /// The key that clients log in with (`WANDB_API_KEY`).
    pub fn api_key(&self) -> &ApiKey {
        &self.app.secrets.api_key
    }

    /// Serves until `stop`; requests under way then have two seconds to end.
    ///
    /// # Errors
    /// [`LocalError::Serve`] when connections cannot be accepted any more.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), LocalError> {
        let schema = crate::gql::schema(Arc::clone(&self.app));
        let router = http::router(Web {
            app: self.app,
            schema,
        });
        let stopped = stop.clone();
        let serving = axum::serve(self.listener, router)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let limit = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended.map_err(LocalError::Serve),
            () = limit => Ok(()),
        }
    }
}

fn base(config: &Config, address: SocketAddr) -> String {
    config.public_url.as_deref().map_or_else(
        || format!("http://{address}"),
        |url| url.trim_end_matches('/').to_owned(),
    )
}

/// What signed addresses begin with: `localhost` where that name leads to this listener, else the base.
async fn storage_base(config: &Config, address: SocketAddr) -> String {
    if config.public_url.is_none()
        && let Ok(mut found) = tokio::net::lookup_host(("localhost", address.port())).await
        && found.any(|found| found == address)
    {
        return format!("http://localhost:{}", address.port());
    }
    base(config, address)
}
