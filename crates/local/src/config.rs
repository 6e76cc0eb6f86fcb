//! Settings of the embedded server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::clock::Clock;
use crate::rules::Rules;

/// How the embedded server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for the database, the files and the two secrets. Made with mode 0700.
    pub data_dir: PathBuf,
    /// Loopback address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Address under which clients reach the server when it differs from the one that is listened on
    /// (a forwarded port, for example). Its host is then accepted in the `Host` header too.
    pub public_url: Option<String>,
    /// What the server is strict about; `None` reads `rules.json` in the data directory, or takes the defaults
    /// where there is none.
    pub rules: Option<Rules>,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Config {
    /// Settings for `data_dir` on any free port of 127.0.0.1.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            rules: None,
            clock: Clock::system(),
        }
    }
}
