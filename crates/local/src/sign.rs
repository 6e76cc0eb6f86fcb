//! Signed addresses for uploads and downloads.
//!
//! Whoever holds such an address may use it until it expires, without logging in: the object stores behind W&B work
//! this way, and so a request that brings an `Authorization` header as well is refused.
//!
//! They begin with `http://localhost:{port}` although the server calls itself `http://127.0.0.1:{port}` (where that name leads
//! here): the official SDK adds its key to every request to the server's own address, and must see that storage is elsewhere.
//! Form: `{storage}/storage/{verb}/{subject}/{file name}?expires={unix seconds}&signature={hex}`, signed by HMAC-SHA-256.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::secret::{random_hex, same};

/// Characters that stay as they are in a path component.
pub(crate) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Characters that stay as they are in a path: slashes too.
pub(crate) const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Makes and checks signed addresses.
#[derive(Clone)]
pub(crate) struct Signer {
    base: String,
    storage: String,
    key: Vec<u8>,
    /// How long a signed address works, in seconds.
    lifetime_s: f64,
}

impl Signer {
    /// `base` is the server's address, `storage` the one that signed addresses begin with; these work for `lifetime_s` seconds.
    pub(crate) fn new(base: &str, storage: &str, key: &str, lifetime_s: f64) -> Self {
        Self {
            base: base.to_owned(),
            storage: storage.to_owned(),
            key: key.as_bytes().to_vec(),
            lifetime_s,
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// An address for `verb` (`get` or `put`) on `subject`; `name` is only for people and browsers.
    pub(crate) fn url(&self, verb: &str, subject: &str, name: &str, now: f64) -> String {
        let expires = format!("{:.0}", now + self.lifetime_s);
        let signature = self.signature(verb, subject, &expires);
        let name = utf8_percent_encode(name.rsplit('/').next().unwrap_or("file"), COMPONENT);
        format!(
            "{}/storage/{verb}/{subject}/{name}?expires={expires}&signature={signature}",
            self.storage
        )
    }

    pub(crate) fn accepts(
        &self,
        verb: &str,
        subject: &str,
        expires: &str,
        signature: &str,
        now: f64,
    ) -> bool {
        same(&self.signature(verb, subject, expires), signature)
            && expires.parse::<f64>().is_ok_and(|until| now < until)
    }

    /// A token that logs a client in for `lifetime_s` seconds.
    pub(crate) fn token(&self, now: f64, lifetime_s: f64) -> String {
        let expires = format!("{:.3}", now + lifetime_s);
        let nonce = random_hex(8);
        let signature = self.signature("token", &nonce, &expires);
        format!("{nonce}_{expires}_{signature}")
    }

    pub(crate) fn accepts_token(&self, token: &str, now: f64) -> bool {
        let mut parts = token.splitn(3, '_');
        let (Some(nonce), Some(expires), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        self.accepts("token", nonce, expires, signature, now)
    }

    fn signature(&self, verb: &str, subject: &str, expires: &str) -> String {
        hmac_sha256(
            &self.key,
            format!("{verb}\n{subject}\n{expires}").as_bytes(),
        )
    }
}

/// HMAC (RFC 2104) over SHA-256 as hex; keys here are at most one block long.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let mut block = [0_u8; 64];
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize();
    hex(&outer)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_standard_hmac() {
        let code = hmac_sha256(b"Jefe", b"what do ya want for nothing?");

        assert_eq!(
            code,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_token_works_until_it_expires() {
        let signer = Signer::new("http://127.0.0.1:1", "http://localhost:1", "key", 86400.0);
        let token = signer.token(1000.0, 60.0);

        assert!(signer.accepts_token(&token, 1059.0));
        assert!(!signer.accepts_token(&token, 1061.0));
        assert!(!signer.accepts_token(&token.replace("_1060.000_", "_9060.000_"), 1059.0));
        assert!(!signer.accepts_token("", 1059.0));
    }

    #[test]
    fn an_address_works_for_its_verb_subject_and_time_only() {
        let signer = Signer::new("http://127.0.0.1:1", "http://localhost:1", "key", 86400.0);
        let url = signer.url("get", "file-1", "a b/c d.txt", 1000.0);
        let (path, query) = url.split_once('?').unwrap();
        let signature = query.split_once("signature=").unwrap().1;

        assert!(path.ends_with("/storage/get/file-1/c%20d.txt"));
        assert!(signer.accepts("get", "file-1", "87400", signature, 1001.0));
        assert!(!signer.accepts("put", "file-1", "87400", signature, 1001.0));
        assert!(!signer.accepts("get", "file-2", "87400", signature, 1001.0));
        assert!(!signer.accepts("get", "file-1", "87401", signature, 1001.0));
        assert!(!signer.accepts("get", "file-1", "87400", signature, 87400.0));
    }
}
