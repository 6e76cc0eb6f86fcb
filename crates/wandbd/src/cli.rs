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
    /// Say what the daemon is doing, or all about one run.
    Status(StatusArgs),
    /// Store an API key for a W&B server, check it, and send the runs that waited for it.
    Login(LoginArgs),
    /// Try a run again now, whatever it waits for.
    Retry(RetryArgs),
    /// Deliver .wandb files or folders of runs, also those that other SDKs wrote.
    Sync(SyncArgs),
    /// Runs started in this folder stay on disk until `wandbd sync`.
    Offline,
    /// Undo `wandbd offline`.
    Online,
    /// Run the embedded W&B-compatible server alone.
    Local(LocalArgs),
    /// Run a program with wandbd in the place of wandb, for it and its children: wandbd run python train.py
    Run(RunArgs),
}

/// Which program.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub(crate) command: Vec<std::ffi::OsString>,
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
    /// Bytes of files that may wait for their upload as private copies; beyond it artifacts are refused and metrics go on [default: 107374182400, or half of the free disk]
    #[arg(long, env = "WANDBD_STAGING_BYTES", value_name = "BYTES")]
    pub(crate) staging_bytes: Option<u64>,
    /// Exit after so many minutes without a session and with nothing to deliver [default: never; 60 when a client started it]
    #[arg(long, env = "WANDBD_IDLE_MINUTES", value_name = "MINUTES")]
    pub(crate) idle_minutes: Option<u32>,
    /// Limit of every attempt to reach a W&B server, in seconds [default: 30 for calls, 180 for posts, none for files]
    #[arg(long, env = "WANDBD_HTTP_TIMEOUT_S", value_name = "SECONDS")]
    pub(crate) http_timeout_s: Option<u32>,
    /// Largest body of one upload, for stores behind proxies that limit it; larger files of artifacts go up in parts [default: 2 GiB, then parts of 100 MiB]
    #[arg(long, env = "WANDBD_UPLOAD_MAX_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub(crate) upload_max_bytes: Option<u64>,
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
    /// All about this run: its id, its journal or the folder of that
    pub(crate) run: Option<String>,
}

/// Which key, and for which server.
#[expect(clippy::struct_excessive_bools, reason = "flags")]
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The API key. Others on this machine can see it while the command runs; without it the key is asked for, or read from standard input
    #[arg(value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// The server's address [default: WANDB_BASE_URL, else the settings file, else https://api.wandb.ai]
    #[arg(long, value_name = "URL", conflicts_with = "cloud")]
    pub(crate) host: Option<String>,
    /// The hosted service, whatever the settings file says
    #[arg(long)]
    pub(crate) cloud: bool,
    /// Ask for a key even if there is one
    #[arg(long)]
    pub(crate) relogin: bool,
    /// Ask the server whose key it is (the default)
    #[arg(long, overrides_with = "no_verify")]
    pub(crate) verify: bool,
    /// Ask no server
    #[arg(long, overrides_with = "verify")]
    pub(crate) no_verify: bool,
    /// Only store the key; send nothing that waited for it
    #[arg(long)]
    pub(crate) no_send: bool,
}

/// What to try again.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Run ids, journals or folders of runs
    #[arg(value_name = "RUN", required_unless_present = "all")]
    pub(crate) run: Vec<String>,
    /// All runs that wait for something
    #[arg(long)]
    pub(crate) all: bool,
}

/// What to deliver, and where to.
#[expect(clippy::struct_excessive_bools, reason = "flags")]
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// .wandb files, folders of runs, or folders that hold such folders [default: the `wandb` folder here, after asking]
    #[arg(value_name = "PATH")]
    pub(crate) path: Vec<PathBuf>,
    /// Deliver to this entity instead of the recorded one
    #[arg(long, short = 'e')]
    pub(crate) entity: Option<String>,
    /// Deliver to this project instead of the recorded one
    #[arg(long, short = 'p')]
    pub(crate) project: Option<String>,
    /// Deliver as this run id; several files become one run, in the order of their start
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Deliver with this job type instead of the recorded one
    #[arg(long)]
    pub(crate) job_type: Option<String>,
    /// Only runs whose ids match one of these (`*` and `?`, separated by commas)
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    pub(crate) include_globs: Vec<String>,
    /// Not these
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    pub(crate) exclude_globs: Vec<String>,
    /// Also deliver what is marked as synced already
    #[arg(long)]
    pub(crate) include_synced: bool,
    /// Of a folder of runs, also deliver those that another SDK recorded online
    #[arg(long)]
    pub(crate) include_online: bool,
    /// Go along with runs that are still written; a folder of runs is followed until Ctrl-C
    #[arg(long, alias = "live")]
    pub(crate) follow: bool,
    /// Say what would be delivered, and deliver nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
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
