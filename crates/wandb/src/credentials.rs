//! Keys: what one is, where it comes from, and the one in use.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::error::BadKey;
use crate::netrc;
use crate::settings::{KeySource, ServerSettings};
use crate::tokens::Tokens;
use crate::url::BaseUrl;

const MIN_LENGTH: usize = 40;

/// A netrc file is not read further than this many bytes.
const NETRC_MAX: u64 = 1 << 20;

/// A W&B API key. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a text for a key, whatever it looks like: the server will judge.
    pub fn new(text: &str) -> Self {
        ApiKey(text.trim().to_owned())
    }

    /// Takes a text for a key if it looks like one: at least 40 letters, digits, `-` or `_` after an optional prefix that ends
    /// with `-`, or a JWT.
    /// # Errors
    /// [`BadKey`] says what is wrong without showing the text.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadKey::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let words: Vec<&str> = text.split('.').collect();
        let is_jwt = words.len() == 3
            && words
                .iter()
                .all(|word| !word.is_empty() && word.chars().all(allowed));
        if !is_jwt {
            let (_, core) = text.split_once('-').unwrap_or(("", text));
            if !text.chars().all(allowed) {
                return Err(BadKey::Characters);
            }
            if core.len() < MIN_LENGTH {
                return Err(BadKey::Short(core.len()));
            }
        }
        Ok(ApiKey::new(text))
    }

    /// The key itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The `Authorization` header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = format!("Basic {}", STANDARD.encode(format!("api:{}", self.0)));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// The key that these settings lead to now: the explicit one, else the one in the netrc file. Reads that file.
pub fn find_key(settings: &ServerSettings) -> Option<ApiKey> {
    let base = BaseUrl::parse(&settings.base_url).ok()?;
    look_up(&settings.key, &base.machines())
}

/// Whether these settings lead to credentials now; a run without any waits. An identity token file counts also when it cannot be
/// read: the uploader then waits for it and names it.
pub fn has_credentials(settings: &ServerSettings) -> bool {
    settings.key.identity_token.is_some() || find_key(settings).is_some()
}

fn look_up(source: &KeySource, machines: &[String]) -> Option<ApiKey> {
    let explicit = source.explicit.as_ref().filter(|key| !key.0.is_empty());
    explicit
        .cloned()
        .or_else(|| from_netrc(source.netrc.as_deref()?, machines))
}

fn from_netrc(path: &Path, machines: &[String]) -> Option<ApiKey> {
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(NETRC_MAX).read_to_string(&mut text).ok()?;
    machines
        .iter()
        .filter_map(|machine| netrc::password(&text, machine))
        .find_map(|password| ApiKey::parse(&password).ok())
}

/// The key in use, and where to look for a newer one.
#[derive(Debug)]
pub(crate) struct Credentials {
    source: KeySource,
    machines: Vec<String>,
    current: RwLock<Option<ApiKey>>,
    /// Instead of a key.
    tokens: Option<Arc<Tokens>>,
}

impl Credentials {
    /// `tokens` are used unless there is an explicit key.
    pub(crate) fn new(source: KeySource, base: &BaseUrl, tokens: Option<Arc<Tokens>>) -> Self {
        let machines = base.machines();
        let explicit = source.explicit.as_ref().filter(|key| !key.0.is_empty());
        Credentials {
            tokens: tokens.filter(|_| explicit.is_none()),
            current: RwLock::new(look_up(&source, &machines)),
            machines,
            source,
        }
    }

    /// Access tokens, where they are used instead of a key.
    pub(crate) fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.tokens.as_ref()
    }

    /// What must not be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let key = self.key().map(|key| key.0);
        let tokens = self.tokens.iter().flat_map(|tokens| tokens.secrets());
        key.into_iter().chain(tokens).collect()
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<ApiKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Looks again. Reads a file.
    pub(crate) fn reload(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.refused();
        }
        let found = look_up(&self.source, &self.machines);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// What a person can do where there is no key.
    pub(crate) fn advice(&self) -> String {
        let machine = self.machines.first().map_or("", String::as_str);
        format!("no API key for {machine}; run `wandbd login` or set WANDB_API_KEY")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_ages_are_taken_and_other_texts_refused() {
        let forty = "a1".repeat(20);
        let check = |text: &str, expect: Result<(), BadKey>| {
            assert_eq!(ApiKey::parse(text).map(drop), expect, "{text}");
        };
        check(&forty, Ok(()));
        check(&format!(" {forty}\n"), Ok(()));
        check(&format!("local-{forty}"), Ok(()));
        check(&format!("wandb_v1_{forty}{forty}"), Ok(()));
        check("eyJh.eyJz.c2ln", Ok(()));
        check("", Err(BadKey::Empty));
        check("short", Err(BadKey::Short(5)));
        check(&format!("local-{}", "a".repeat(39)), Err(BadKey::Short(39)));
        check(&format!("{forty} {forty}"), Err(BadKey::Characters));
    }

    #[test]
    fn an_explicit_key_goes_before_netrc_and_netrc_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        let [first, second, explicit] = ["1", "2", "3"].map(|digit| digit.repeat(40));
        let entry = |key: &str| format!("machine api.wandb.ai login user password {key}\n");
        std::fs::write(&path, entry(&first)).unwrap();
        let mut settings = ServerSettings::default();
        assert!(!has_credentials(&settings));

        settings.key.netrc = Some(path.clone());
        let base = BaseUrl::parse("").unwrap();
        let credentials = Credentials::new(settings.key.clone(), &base, None);
        assert_eq!(credentials.key().unwrap().reveal(), first);
        std::fs::write(&path, entry(&second)).unwrap();
        credentials.reload();
        assert_eq!(credentials.key().unwrap().reveal(), second);

        settings.key.explicit = Some(ApiKey::new(""));
        assert_eq!(find_key(&settings).unwrap().reveal(), second);
        settings.key.explicit = Some(ApiKey::new(&explicit));
        assert_eq!(find_key(&settings).unwrap().reveal(), explicit);
    }

    #[test]
    fn a_key_does_not_print() {
        let key = ApiKey::new(&"k".repeat(40));

        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        assert!(!format!("{:?}", key.header()).contains("Basic"));
    }
}
