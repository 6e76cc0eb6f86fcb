//! The embedded W&B-compatible server: hosted by the daemon, or alone.

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wandbd_local::{LocalError, LocalServer};

use crate::{
    cli::LocalArgs,
    config::{Config, ConfigError, places},
    start::private_dir,
};

/// The port that the server had before, so that addresses in notes and browsers stay right.
const ADDRESS_FILE: &str = "address";

#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalStartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the embedded server cannot start")]
    Local(#[from] LocalError),
    #[error("cannot use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> LocalStartError {
    let path = path.to_owned();
    move |source| LocalStartError::Io { path, source }
}

/// The embedded server as part of this daemon.
pub(crate) struct Hosted {
    pub(crate) url: String,
    /// Secret.
    pub(crate) api_key: String,
    pub(crate) task: JoinHandle<()>,
}

/// Starts the embedded server if the configuration asks for it.
pub(crate) async fn host(
    config: &Config,
    stop: &CancellationToken,
) -> Result<Option<Hosted>, LocalStartError> {
    let Some(local) = &config.local else {
        return Ok(None);
    };
    let data = config.state_dir.join("local");
    let server = match local.listen {
        Some(listen) => bind(&data, listen, None).await?,
        None => bind_as_before(&data).await?,
    };
    let url = server.url().to_owned();
    tracing::info!(%url, "embedded server");
    let api_key = server.api_key().reveal().to_owned();
    let (serving, stop) = (stop.clone(), stop.clone());
    let task = tokio::spawn(async move {
        if let Err(error) = server.serve(serving).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "embedded server failed");
            stop.cancel();
        }
    });
    Ok(Some(Hosted { url, api_key, task }))
}

async fn bind(
    data: &Path,
    listen: SocketAddr,
    public_url: Option<String>,
) -> Result<LocalServer, LocalStartError> {
    private_dir(data).map_err(io_error(data))?;
    let mut config = wandbd_local::Config::new(data);
    config.listen = listen;
    config.public_url = public_url;
    Ok(LocalServer::bind(config).await?)
}

/// On the port of the last time if it is free, else on any.
async fn bind_as_before(data: &Path) -> Result<LocalServer, LocalStartError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let file = data.join(ADDRESS_FILE);
    let before = std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.trim().parse::<SocketAddr>().ok())
        .filter(|address| address.ip().is_loopback());
    let server = match before {
        Some(address) => match bind(data, address, None).await {
            Ok(server) => server,
            Err(_) => bind(data, any, None).await?,
        },
        None => bind(data, any, None).await?,
    };
    let address = server.url().trim_start_matches("http://");
    std::fs::write(&file, address).map_err(io_error(&file))?;
    Ok(server)
}

/// The address that opens the page, for the owner's terminal.
pub(crate) fn page_address(data: &Path, url: &str) -> String {
    match std::fs::read_to_string(data.join("page-token")) {
        Ok(token) => format!("{url}/?token={}", token.trim()),
        Err(_) => url.to_owned(),
    }
}

/// `wandbd local`: serves in the foreground until a signal.
pub(crate) async fn alone(args: &LocalArgs) -> Result<(), LocalStartError> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => places(&args.place)?.0.join("local"),
    };
    let server = bind(&data, args.listen, args.public_url.clone()).await?;
    let mut out = io::stdout();
    let shown = if args.json {
        let line = serde_json::json!({
            "url": server.url(), "api_key": server.api_key().reveal(), "page": server.page_url(),
        });
        writeln!(out, "{line}")
    } else {
        writeln!(
            out,
            "page     {}\nlog to it with\n  export WANDB_BASE_URL={}\n  export WANDB_API_KEY=$(cat {})",
            server.page_url(),
            server.url(),
            data.join("api-key").display(),
        )
    };
    shown
        .and_then(|()| out.flush())
        .map_err(io_error(Path::new("standard output")))?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let signals = tokio::spawn(async move {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match &mut terminate {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminated => {}
            result = tokio::signal::ctrl_c() => drop(result),
        }
        stopping.cancel();
    });
    let outcome = server.serve(stop).await;
    signals.abort();
    Ok(outcome?)
}
