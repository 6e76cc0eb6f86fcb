//! The API key and the page token: made once, kept in files only their owner can read.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::LocalError;

/// The key that clients of this server log in with (40 hex digits). `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself, to hand to a client.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// The secrets of one data directory.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) api_key: ApiKey,
    pub(crate) page_token: String,
    pub(crate) url_key: String,
}

impl Secrets {
    pub(crate) fn load_or_create(dir: &Path) -> Result<Self, LocalError> {
        Ok(Self {
            api_key: ApiKey(load_or_create(&dir.join("api-key"), 20)?),
            page_token: load_or_create(&dir.join("page-token"), 16)?,
            url_key: load_or_create(&dir.join("url-key"), 32)?,
        })
    }
}

/// Makes `dir` (mode 0700) or tightens it.
pub(crate) fn private_dir(dir: &Path) -> Result<(), LocalError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(LocalError::io("create", dir))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(LocalError::io("protect", dir))
}

fn load_or_create(path: &Path, bytes: usize) -> Result<String, LocalError> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() == bytes * 2 => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LocalError::io("read", path)(error)),
    }
    let text = random_hex(bytes);
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(LocalError::io("create", &temporary))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(LocalError::io("write", &temporary))?;
    fs::rename(&temporary, path).map_err(LocalError::io("rename", &temporary))?;
    Ok(text)
}

/// `bytes` random bytes as hex.
pub(crate) fn random_hex(bytes: usize) -> String {
    let bytes: Vec<u8> = (0..bytes).map(|_| rand::random()).collect();
    crate::sign::hex(&bytes)
}

/// Compares without leaving early, so that the time does not tell where two secrets differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0_u8, |different, (x, y)| different | (x ^ y))
            == 0
}
