//! What the server is strict about and what it says it can do: for tests that want W&B's limits, or a server of another kind.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::error::LocalError;

/// Name of the file in the data directory.
const FILE: &str = "rules.json";

/// The server's rules. As `rules.json` in the data directory: an object with any of these keys; a key that is not known is
/// an error.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// `file_stream` posts per second and run before 429 is answered; `None` is no limit. W&B's own servers: 2.
    pub posts_per_second_per_run: Option<f64>,
    /// `file_stream` posts per second and project before 429 is answered; `None` is no limit. W&B's own servers: 500.
    pub posts_per_second_per_project: Option<f64>,
    /// Seconds without a post after which a running run is shown as crashed.
    pub crashed_after_s: f64,
    /// Seconds between two posts of a running run from which on the silence counts as violation `heartbeat_gap`. Clients post
    /// every 30 s; the rest is for the way.
    pub heartbeat_s: f64,
    /// Features that `serverInfo` calls switched off, such as `STRUCTURED_CONSOLE_LOGS`.
    pub disabled_features: Vec<String>,
    /// Identity tokens (JWT) that `POST /oidc/token` takes; all others are refused. `Debug` does not print them.
    pub identity_tokens: Vec<String>,
    /// Smallest part of a file that comes in parts, the last one excepted; smaller ones are refused when they are put together.
    /// Object stores: 5 MiB.
    pub least_part_bytes: i64,
    /// Largest body of one upload; larger ones are refused with 400. `None` is no limit. Object stores: 5 GiB.
    pub most_put_bytes: Option<u64>,
    /// Seconds that a signed address works.
    pub signed_for_s: f64,
    /// Seconds that an access token from `POST /oidc/token` works; the official client reads a whole number only.
    pub access_token_s: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            posts_per_second_per_run: None,
            posts_per_second_per_project: None,
            crashed_after_s: 300.0,
            heartbeat_s: 35.0,
            disabled_features: Vec::new(),
            identity_tokens: Vec::new(),
            access_token_s: 3600,
            least_part_bytes: 0,
            most_put_bytes: None,
            signed_for_s: 24.0 * 3600.0,
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("posts_per_second_per_run", &self.posts_per_second_per_run)
            .field(
                "posts_per_second_per_project",
                &self.posts_per_second_per_project,
            )
            .field("crashed_after_s", &self.crashed_after_s)
            .field("heartbeat_s", &self.heartbeat_s)
            .field("disabled_features", &self.disabled_features)
            .field("identity_tokens", &self.identity_tokens.len())
            .field("access_token_s", &self.access_token_s)
            .field("least_part_bytes", &self.least_part_bytes)
            .field("most_put_bytes", &self.most_put_bytes)
            .field("signed_for_s", &self.signed_for_s)
            .finish()
    }
}

impl Rules {
    /// The rules in `dir`, or the defaults where there is no file.
    pub(crate) fn of(dir: &Path) -> Result<Self, LocalError> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|source| LocalError::Rules { path, source })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LocalError::io("read", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_the_data_directory_and_a_wrong_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(dir.path().join(FILE), text).unwrap();

        assert!((Rules::of(dir.path()).unwrap().crashed_after_s - 300.0).abs() < 1e-9);
        write(r#"{"posts_per_second_per_run": 2, "identity_tokens": ["a.b.c"]}"#);
        let rules = Rules::of(dir.path()).unwrap();
        assert_eq!(rules.posts_per_second_per_run, Some(2.0));
        assert!(!format!("{rules:?}").contains("a.b.c"));
        write(r#"{"posts": 2}"#);
        let LocalError::Rules { source, .. } = Rules::of(dir.path()).unwrap_err() else {
            panic!("another error");
        };
        assert!(source.to_string().contains("posts"), "{source}");
    }
}
