//! Keys that came by environment or argument, kept until no undelivered run needs them.
//!
//! `<state>/credentials` (0600) is one JSON object: fingerprint to server, key and headers. A fingerprint is the first 16 hex digits of the
//! SHA-256 of server and secret, so the same key is kept once and a journal that names it tells nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wandbd_ingest::{Fingerprints, Vault};
use wandbd_proto::v1;

/// One kept secret. Its `Debug` prints none of it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    base_url: String,
    api_key: String,
    headers: BTreeMap<String, String>,
}

/// The kept secrets, and the file they lie in.
pub(crate) struct Credentials {
    path: PathBuf,
    hosts_local: bool,
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Asked for by this daemon: a run that is just being opened is not known to anybody else yet.
    asked_for: Mutex<BTreeSet<String>>,
}

impl Credentials {
    /// Reads the file, which need not exist.
    pub(crate) fn load(state: &Path, hosts_local: bool) -> io::Result<Self> {
        let path = state.join("credentials");
        let kept = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, error.classify_text())
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path,
            hosts_local,
            kept: Mutex::new(kept),
            asked_for: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of this fingerprint.
    pub(crate) fn api_key(&self, fingerprint: &str) -> Option<String> {
        let kept = self.lock();
        let key = &kept.get(fingerprint)?.api_key;
        (!key.is_empty()).then(|| key.clone())
    }

    /// The headers of this fingerprint.
    pub(crate) fn headers(&self, fingerprint: &str) -> BTreeMap<String, String> {
        let kept = self.lock();
        kept.get(fingerprint)
            .map(|kept| kept.headers.clone())
            .unwrap_or_default()
    }

    /// Forgets what none of these fingerprints names. What this daemon was given itself stays until the next one runs.
    pub(crate) fn retain(&self, needed: &dyn Fn(&str) -> bool) -> io::Result<()> {
        let mut kept = self.lock();
        let before = kept.len();
        let asked_for = self
            .asked_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.retain(|fingerprint, _| needed(fingerprint) || asked_for.contains(fingerprint));
        drop(asked_for);
        if kept.len() < before {
            self.save(&kept)?;
        }
        Ok(())
    }

    fn insert(&self, secret: Kept) -> io::Result<String> {
        let fingerprint = fingerprint(&secret);
        self.asked_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(fingerprint.clone());
        let mut kept = self.lock();
        if !kept.contains_key(&fingerprint) {
            kept.insert(fingerprint.clone(), secret);
            self.save(&kept)?;
        }
        Ok(fingerprint)
    }

    fn save(&self, kept: &BTreeMap<String, Kept>) -> io::Result<()> {
        crate::files::write_private(&self.path, &serde_json::to_vec_pretty(kept)?)
    }
}

impl Vault for Credentials {
    fn keep(&self, server: &v1::Server) -> io::Result<Fingerprints> {
        let mut fingerprints = Fingerprints::default();
        if !server.api_key.is_empty() {
            fingerprints.key = self.insert(Kept {
                base_url: server.base_url.clone(),
                api_key: server.api_key.clone(),
                headers: BTreeMap::new(),
            })?;
        }
        if !server.header.is_empty() {
            fingerprints.headers = self.insert(Kept {
                base_url: server.base_url.clone(),
                api_key: String::new(),
                headers: server.header.clone().into_iter().collect(),
            })?;
        }
        Ok(fingerprints)
    }

    fn use_local(&self, server: &v1::Server) -> bool {
        self.hosts_local && server.base_url.is_empty() && server.api_key.is_empty()
    }
}

fn fingerprint(secret: &Kept) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&secret.base_url);
    hasher.update([0]);
    hasher.update(&secret.api_key);
    for (name, value) in &secret.headers {
        hasher.update([0]);
        hasher.update(name);
        hasher.update([0]);
        hasher.update(value);
    }
    hasher
        .finalize()
        .iter()
        .take(8)
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}

/// What is wrong with a JSON text, without any of its content.
trait ClassifyText {
    fn classify_text(&self) -> String;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> String {
        format!(
            "not valid at line {}; remove the file to start anew",
            self.line()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn server(key: &str) -> v1::Server {
        v1::Server {
            base_url: "https://w.example".into(),
            api_key: key.into(),
            ..v1::Server::default()
        }
    }

    #[test]
    fn a_kept_key_is_found_after_a_restart_and_forgotten_when_nobody_needs_it() {
        let state = tempfile::tempdir().unwrap();
        let first = Credentials::load(state.path(), false).unwrap();
        let kept = first.keep(&server("k".repeat(40).as_str())).unwrap();

        let second = Credentials::load(state.path(), false).unwrap();
        assert_eq!(second.api_key(&kept.key), Some("k".repeat(40)));

        second.retain(&|_| false).unwrap();
        assert_eq!(
            Credentials::load(state.path(), false)
                .unwrap()
                .api_key(&kept.key),
            None
        );
    }

    #[test]
    fn the_file_is_private_to_its_user() {
        let state = tempfile::tempdir().unwrap();
        Credentials::load(state.path(), false)
            .unwrap()
            .keep(&server("secret"))
            .unwrap();

        let mode = std::fs::metadata(state.path().join("credentials"))
            .unwrap()
            .permissions()
            .mode();

        assert_eq!(mode & 0o777, 0o600);
    }
}
