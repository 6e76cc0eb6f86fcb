//! Keys that came by environment or argument, kept until no undelivered run needs them.
//!
//! `<state>/credentials` (0600) is one JSON object: fingerprint to server, key, headers and proxies. A fingerprint is the first 16 hex digits
//! of the SHA-256 of server and secret, so the same key is kept once and a journal that names it tells nothing. A key that a login gave to
//! a run stands under `run:<session>` instead: the journal of that run was written before.

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
use wandbd_wandb::ServerSettings;

/// One kept secret. Its `Debug` prints none of it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    base_url: String,
    api_key: String,
    headers: BTreeMap<String, String>,
    /// With the user and the password in them.
    http_proxy: String,
    https_proxy: String,
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

    /// The key that a login gave to the run of this session.
    pub(crate) fn given(&self, session: &str) -> Option<String> {
        self.api_key(&given_name(session))
    }

    /// Keeps a key for a run whose journal names none, or a wrong one.
    pub(crate) fn give(&self, session: &str, base_url: &str, key: &str) -> io::Result<()> {
        let secret = Kept {
            base_url: base_url.to_owned(),
            api_key: key.to_owned(),
            ..Kept::default()
        };
        let mut kept = self.lock();
        kept.insert(given_name(session), secret);
        self.save(&kept)
    }

    /// Puts headers and proxies of this fingerprint where a journal has left them out.
    pub(crate) fn complete(&self, fingerprint: &str, settings: &mut ServerSettings) {
        let kept = self.lock();
        let Some(kept) = kept.get(fingerprint) else {
            return;
        };
        settings.headers.clone_from(&kept.headers);
        for (proxy, own) in [
            (&kept.http_proxy, &mut settings.http_proxy),
            (&kept.https_proxy, &mut settings.https_proxy),
        ] {
            if !proxy.is_empty() {
                *own = Some(proxy.clone());
            }
        }
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
                ..Kept::default()
            })?;
        }
        let route = Kept {
            base_url: server.base_url.clone(),
            headers: server.header.clone().into_iter().collect(),
            http_proxy: with_password(&server.http_proxy),
            https_proxy: with_password(&server.https_proxy),
            ..Kept::default()
        };
        let secret = [&route.http_proxy, &route.https_proxy]
            .iter()
            .any(|proxy| !proxy.is_empty());
        if secret || !route.headers.is_empty() {
            fingerprints.headers = self.insert(route)?;
        }
        Ok(fingerprints)
    }

    fn use_local(&self, server: &v1::Server) -> bool {
        self.hosts_local && server.base_url.is_empty() && server.api_key.is_empty()
    }
}

/// The entry of a run that a login has given a key.
pub(crate) fn given_name(session: &str) -> String {
    format!("run:{session}")
}

/// The address of a proxy, if there is something to hide in it.
fn with_password(proxy: &str) -> String {
    if proxy.contains('@') {
        proxy.to_owned()
    } else {
        String::new()
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
    for proxy in [&secret.http_proxy, &secret.https_proxy] {
        if !proxy.is_empty() {
            hasher.update([0, 0]);
            hasher.update(proxy);
        }
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
    fn headers_and_the_passwords_of_proxies_survive_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let proxy = "http://me:secret@proxy:3128";
        let asked = v1::Server {
            http_proxy: "http://plain:3128".into(),
            https_proxy: proxy.into(),
            header: [("X-Token".to_owned(), "t".to_owned())].into(),
            ..server("")
        };
        let first = Credentials::load(state.path(), false).unwrap();
        let kept = first.keep(&asked).unwrap();

        let mut settings = ServerSettings {
            http_proxy: Some("http://plain:3128".into()),
            https_proxy: Some("http://proxy:3128".into()),
            ..ServerSettings::default()
        };
        let second = Credentials::load(state.path(), false).unwrap();
        second.complete(&kept.headers, &mut settings);

        assert_eq!(settings.https_proxy.as_deref(), Some(proxy));
        assert_eq!(settings.http_proxy.as_deref(), Some("http://plain:3128"));
        assert_eq!(settings.headers["X-Token"], "t");
    }

    #[test]
    fn a_key_that_a_login_gave_to_a_run_is_kept_until_the_run_is_delivered() {
        let state = tempfile::tempdir().unwrap();
        let first = Credentials::load(state.path(), false).unwrap();
        first.give("s", "https://w.example", "key").unwrap();

        let second = Credentials::load(state.path(), false).unwrap();
        second.retain(&|name| name == given_name("s")).unwrap();
        assert_eq!(second.given("s").as_deref(), Some("key"));

        second.retain(&|_| false).unwrap();
        assert_eq!(second.given("s"), None);
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
