//! Where the keys of a run go: not into its journal.

use std::io;

use wandbd_proto::v1;

/// What a journal may know of the secrets of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// Names the kept API key; empty when the client had none.
    pub key: String,
    /// Names the kept request headers; empty when there are none.
    pub headers: String,
}

/// Keeps secrets until no undelivered run needs them.
pub trait Vault: Send + Sync {
    /// Keeps the key and the headers of `server` on disk, and returns what finds them again.
    ///
    /// # Errors
    /// When they could not be written.
    fn keep(&self, server: &v1::Server) -> io::Result<Fingerprints>;

    /// Whether this run goes to the embedded backend: nothing says where else, and there is one.
    fn use_local(&self, server: &v1::Server) -> bool;
}
