//! The command line. Every option of the daemon is declared once, here: its flag, its variable, its place in the file, its meaning.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

/// A local daemon between training processes and Weights & Biases: logging never waits, nothing is lost.
#[derive(Debug, Parser)]
#[command(name = "wandbd", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve in the foreground, until SIGTERM or SIGINT.
    Serve(Options),
    /// Serve in the background; returns when the daemon answers, also if one did already.
    Start(Options),
    /// End the daemon gracefully; what is undelivered goes on at the next start.
    Stop(Place),
    /// Say what the daemon is doing.
    Status(StatusArgs),
    /// Deliver .wandb files or folders of runs, also those that other SDKs wrote.
    Sync(SyncArgs),
    /// Run the embedded W&B-compatible server alone.
    Local(LocalArgs),
}

/// Which daemon is meant.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Place {
    /// Where journals, keys and logs lie [default: $XDG_STATE_HOME/wandbd/<machine id>]
    #[arg(long, env = "WANDBD_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The daemon's Unix socket [default: in $XDG_RUNTIME_DIR or the temporary directory]
    #[arg(long, env = "WANDBD_SOCKET", value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

/// Options of the daemon. The file (`config.toml`) has the same names with underscores; flag over variable over file over default.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) place: Place,
    /// Read options from this file [default: $XDG_CONFIG_HOME/wandbd/config.toml, if it exists]
    #[arg(long, env = "WANDBD_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Host the embedded W&B-compatible server too; runs without W&B credentials go there
    #[arg(long, env = "WANDBD_LOCAL", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) local: Option<bool>,
    /// Loopback address of the embedded server [default: the port it had before, else any]
    #[arg(long, env = "WANDBD_LOCAL_LISTEN", value_name = "ADDR")]
    pub(crate) local_listen: Option<SocketAddr>,
    /// What to log: error, warn, info, debug, or a list of target=level [default: info]
    #[arg(long, env = "WANDBD_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Days to keep delivered runs on disk [default: 7]
    #[arg(long, env = "WANDBD_KEEP_DAYS", value_name = "DAYS")]
    pub(crate) keep_days: Option<u32>,
    /// Bytes of delivered runs to keep on disk, oldest go first [default: 10737418240]
    #[arg(long, env = "WANDBD_KEEP_BYTES", value_name = "BYTES")]
    pub(crate) keep_bytes: Option<u64>,
    /// Exit after so many minutes without a session and with nothing to deliver [default: never; 60 when a client started it]
    #[arg(long, env = "WANDBD_IDLE_MINUTES", value_name = "MINUTES")]
    pub(crate) idle_minutes: Option<u32>,
    /// Limit of every attempt to reach a W&B server, in seconds [default: 30 for calls, 180 for posts, none for files]
    #[arg(long, env = "WANDBD_HTTP_TIMEOUT_S", value_name = "SECONDS")]
    pub(crate) http_timeout_s: Option<u32>,
    /// A client starts it, not a person
    #[arg(long, hide = true)]
    #[serde(skip)]
    pub(crate) auto: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Only this run, by its id
    pub(crate) run: Option<String>,
}

/// What to deliver, and where to.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// .wandb files, or folders that hold some
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    pub(crate) path: Vec<PathBuf>,
    /// Deliver to this entity instead of the recorded one
    #[arg(long)]
    pub(crate) entity: Option<String>,
    /// Deliver to this project instead of the recorded one
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// Deliver as this run id; for a single file
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Also deliver what is marked as synced already
    #[arg(long)]
    pub(crate) include_synced: bool,
}

/// Where the embedded server listens and keeps its data.
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Loopback address
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Its data [default: <state dir>/local]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How clients reach it, if not by the address it listens on
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Print one line of JSON: url, api_key, page
    #[arg(long)]
    pub(crate) json: bool,
}
