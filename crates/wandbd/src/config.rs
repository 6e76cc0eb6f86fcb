//! What the daemon was told, checked before anything is bound.
//!
//! Flags and variables come from `cli.rs`; the file fills in what they leave open, then the defaults do.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::cli::{Options, Place};

/// Days that delivered runs stay.
const KEEP_DAYS: u32 = 7;
/// Bytes of delivered runs that stay.
const KEEP_BYTES: u64 = 10 << 30;
/// A daemon that a client started leaves after so long without work.
const AUTO_IDLE_MINUTES: u32 = 60;

/// A wrong setting; names the key and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path}: {source}")]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error(
        "local_listen is {0}, which others can reach; use a loopback address such as 127.0.0.1:8080"
    )]
    NotLoopback(SocketAddr),
    #[error("log is {filter:?}, which is no filter: {source}; use error, warn, info or debug")]
    Log {
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error(transparent)]
    Paths(#[from] wandbd_client::SettingsError),
}

/// Everything that `serve` needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) state_dir: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) local: Option<Local>,
    pub(crate) log: String,
    pub(crate) keep_days: u32,
    pub(crate) keep_bytes: u64,
    /// Bytes of snapshots that may wait for their upload.
    pub(crate) staging_bytes: u64,
    pub(crate) idle: Option<Duration>,
    /// Shortens every attempt to reach a server.
    pub(crate) http_timeout: Option<Duration>,
    /// Larger files go up in parts.
    pub(crate) upload_max_bytes: Option<u64>,
}

/// The embedded server.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    /// `None`: the port it had before, else any.
    pub(crate) listen: Option<SocketAddr>,
}

impl Config {
    /// Puts flags, variables, file and defaults together.
    pub(crate) fn new(options: &Options) -> Result<Self, ConfigError> {
        let file = read_file(options.config.as_deref())?;
        let place = Place {
            state_dir: options.place.state_dir.clone().or(file.place.state_dir),
            socket: options.place.socket.clone().or(file.place.socket),
        };
        let (state_dir, socket) = places(&place)?;
        let listen = options.local_listen.or(file.local_listen);
        if let Some(address) = listen.filter(|address| !is_loopback(address.ip())) {
            return Err(ConfigError::NotLoopback(address));
        }
        let local = options.local.or(file.local).unwrap_or(false);
        let log = options
            .log
            .clone()
            .or(file.log)
            .unwrap_or_else(|| "info".into());
        if let Err(source) = tracing_subscriber::EnvFilter::try_new(&log) {
            return Err(ConfigError::Log {
                filter: log,
                source,
            });
        }
        let idle = options
            .idle_minutes
            .or(file.idle_minutes)
            .or(options.auto.then_some(AUTO_IDLE_MINUTES));
        let staging_bytes = options
            .staging_bytes
            .or(file.staging_bytes)
            .unwrap_or_else(|| wandbd_stage::default_limit(&state_dir));
        Ok(Self {
            staging_bytes,
            state_dir,
            socket,
            local: local.then_some(Local { listen }),
            log,
            keep_days: options.keep_days.or(file.keep_days).unwrap_or(KEEP_DAYS),
            keep_bytes: options.keep_bytes.or(file.keep_bytes).unwrap_or(KEEP_BYTES),
            http_timeout: options
                .http_timeout_s
                .or(file.http_timeout_s)
                .map(|seconds| Duration::from_secs(u64::from(seconds.max(1)))),
            upload_max_bytes: options.upload_max_bytes.or(file.upload_max_bytes),
            idle: idle.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        })
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback()
}

/// State directory and socket of the daemon that is meant.
pub(crate) fn places(place: &Place) -> Result<(PathBuf, PathBuf), ConfigError> {
    let state = match &place.state_dir {
        Some(dir) => absolute(dir),
        None => wandbd_client::paths::state_dir(&environment),
    };
    let socket = match &place.socket {
        Some(path) => absolute(path),
        None => wandbd_client::paths::socket_path(&state, &environment)?,
    };
    Ok((state, socket))
}

/// The path from the root; a path that cannot be resolved stays as it is and fails where it is used.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// For the rules that daemon and clients share.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where the daemon reads its environment"
)]
pub(crate) fn environment(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

fn read_file(given: Option<&Path>) -> Result<Options, ConfigError> {
    let Some(path) = given.map(Path::to_owned).or_else(default_file) else {
        return Ok(Options::default());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if given.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Options::default());
        }
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    toml::from_str(&text).map_err(|source| ConfigError::Parse {
        path,
        source: Box::new(source),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this file is where the daemon reads its environment"
)]
fn default_file() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(base.join("wandbd/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::new(&Options {
            config: Some(path),
            place: Place {
                state_dir: Some(dir.path().join("state")),
                socket: Some(dir.path().join("v1.sock")),
            },
            ..Options::default()
        })
    }

    #[test]
    fn the_file_fills_in_what_flags_leave_open() {
        let config = with_file("local = true\nkeep_days = 3\n").unwrap();

        assert!(config.local.is_some());
        assert_eq!(config.keep_days, 3);
        assert_eq!(config.keep_bytes, KEEP_BYTES);
    }

    #[test]
    fn a_wrong_key_is_named() {
        let error = with_file("keep_dayz = 3\n").unwrap_err().to_string();
        assert!(error.contains("keep_dayz"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = with_file("keep_days = \"many\"\n").unwrap_err().to_string();
        assert!(error.contains("keep_days"), "{error}");
    }

    #[test]
    fn an_address_that_others_reach_is_refused() {
        let error = with_file("local_listen = \"0.0.0.0:80\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("local_listen") && error.contains("loopback"),
            "{error}"
        );
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let error = with_file("log = \"loud=very\"\n").unwrap_err().to_string();
        assert!(error.contains("log is"), "{error}");
    }
}
