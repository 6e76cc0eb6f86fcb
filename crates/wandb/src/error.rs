use std::path::PathBuf;

/// Why settings cannot be used. What a server says is a [`SendError`](wandbd_upload::SendError).
#[derive(Debug, thiserror::Error)]
pub enum WandbError {
    /// The address of the server is no good.
    #[error("base URL {url:?}: {reason}")]
    BaseUrl {
        /// As it was given, without a password.
        url: String,
        /// What is wrong, and what would be right.
        reason: &'static str,
    },
    /// A proxy's address is no good; it is not shown, since it may hold a password.
    #[error("{0} is not the address of a proxy")]
    Proxy(&'static str),
    /// An extra header is not one; its value is not shown.
    #[error("extra header {0:?} is not a valid HTTP header")]
    Header(String),
    /// The certificates cannot be read.
    #[error("cannot read certificates from {}", path.display())]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS or the connection pool cannot be set up.
    #[error("cannot set up HTTP")]
    Http(#[source] reqwest::Error),
}

impl WandbError {
    /// With its causes, in one line.
    pub fn explain(&self) -> String {
        wandbd_upload::explain(self)
    }
}

/// Why a file of a run could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The settings cannot be used.
    #[error("{}", .0.explain())]
    Settings(#[from] WandbError),
    /// The server was asked in vain.
    #[error("{}", .0.explain())]
    Server(#[from] wandbd_upload::SendError),
    /// The file cannot be written here.
    #[error("cannot write {}: {source}", path.display())]
    Target {
        /// Where it was to lie.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why a text is not an API key. The text is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// There is nothing.
    #[error("the API key is empty")]
    Empty,
    /// Too few characters.
    #[error("the API key has {0} characters, at least 40 are needed")]
    Short(usize),
    /// Characters that no key has.
    #[error("the API key holds characters other than letters, digits, - and _")]
    Characters,
}
