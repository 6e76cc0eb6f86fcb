//! The only place of the client that reads the environment.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use crate::{
    error::SettingsError,
    paths::{self, Lookup},
};

const BUFFER_DEFAULT: usize = 128 << 20;
const BUFFER_MIN: usize = 64 << 10;
const ACK_LIMIT: Duration = Duration::from_secs(5);

/// What a started daemon keeps of this process's environment, by exact name. `LC_*`, `XDG_*`, `SSL_CERT_*` and `WANDBD_*` come along too.
const FOR_THE_DAEMON: [&str; 6] = ["HOME", "USER", "LOGNAME", "PATH", "LANG", "TMPDIR"];
const PREFIXES_FOR_THE_DAEMON: [&str; 4] = ["LC_", "XDG_", "SSL_CERT_", "WANDBD_"];
/// Names the run that a child process attaches to: nothing for a daemon that serves many.
const NOT_FOR_THE_DAEMON: &str = "WANDBD_RUN";

/// How this process finds its daemon, and how much it keeps while there is none.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directory of journals, spill and staging.
    pub state: PathBuf,
    /// Where the daemon listens.
    pub socket: PathBuf,
    /// Whether `WANDBD_SOCKET` named it: then its directory is the user's own business.
    pub socket_named: bool,
    /// Bytes of un-acknowledged records that are kept, for all runs of this process together.
    pub buffer_bytes: usize,
    /// Whether a missing daemon may be started.
    pub autostart: bool,
    /// The program to start.
    pub daemon: Option<PathBuf>,
    /// The environment it gets.
    pub daemon_env: Vec<(OsString, OsString)>,
    /// Whether values on a device may be converted later.
    pub defer: bool,
    /// How long `finish` waits for the last acknowledgement before it writes the spill.
    pub ack_limit: Duration,
}

impl Settings {
    /// Reads `WANDBD_SOCKET`, `WANDBD_STATE_DIR`, `WANDBD_BUFFER_BYTES`, `WANDBD_AUTOSTART`, `WANDBD_DEFER`, `XDG_RUNTIME_DIR`,
    /// `XDG_STATE_HOME`, `HOME` and `TMPDIR`. `daemon` is the program to start when nobody listens.
    ///
    /// # Errors
    /// [`SettingsError`] names the variable that has a wrong value.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the file that reads the environment"
    )]
    pub fn from_env(daemon: Option<PathBuf>) -> Result<Self, SettingsError> {
        Self::from_vars(
            &|name| std::env::var_os(name).filter(|value| !value.is_empty()),
            std::env::vars_os(),
            daemon,
        )
    }

    fn from_vars(
        var: Lookup<'_>,
        all: impl Iterator<Item = (OsString, OsString)>,
        daemon: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        let state = paths::state_dir(var);
        let named = var("WANDBD_SOCKET").map(PathBuf::from);
        Ok(Self {
            socket_named: named.is_some(),
            socket: match named {
                Some(path) => paths::short_enough(path)?,
                None => paths::socket_path(&state, var)?,
            },
            state,
            buffer_bytes: buffer_bytes(var)?,
            autostart: switch(var, "WANDBD_AUTOSTART")?,
            defer: switch(var, "WANDBD_DEFER")?,
            daemon,
            daemon_env: all.filter(|(name, _)| is_for_the_daemon(name)).collect(),
            ack_limit: ACK_LIMIT,
        })
    }

    /// Where the package puts private snapshots of files for the daemon.
    pub fn staging(&self) -> PathBuf {
        self.state.join("staging")
    }

    /// Where records wait for a later daemon.
    pub fn spill(&self) -> PathBuf {
        self.state.join("spill")
    }
}

fn is_for_the_daemon(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name != NOT_FOR_THE_DAEMON
            && (FOR_THE_DAEMON.contains(&name)
                || PREFIXES_FOR_THE_DAEMON
                    .iter()
                    .any(|prefix| name.starts_with(prefix)))
    })
}

fn buffer_bytes(var: Lookup<'_>) -> Result<usize, SettingsError> {
    let name = "WANDBD_BUFFER_BYTES";
    let Some(value) = var(name) else {
        return Ok(BUFFER_DEFAULT);
    };
    let text = value.to_string_lossy();
    match text.trim().parse::<usize>() {
        Ok(bytes) if bytes >= BUFFER_MIN => Ok(bytes),
        _ => Err(SettingsError::BadValue {
            name,
            value: text.into_owned(),
            expected: "a whole number of bytes is expected, at least 65536",
        }),
    }
}

/// On unless switched off.
fn switch(var: Lookup<'_>, name: &'static str) -> Result<bool, SettingsError> {
    let Some(value) = var(name) else {
        return Ok(true);
    };
    match value.to_string_lossy().trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        other => Err(SettingsError::BadValue {
            name,
            value: other.to_owned(),
            expected: "0 or 1 is expected",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        let all = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Settings::from_vars(&find, all, None)
    }

    #[test]
    fn a_started_daemon_gets_nothing_of_the_trainers_own_wandb_variables() {
        let settings = settings(&[
            ("HOME", "/h"),
            ("WANDB_API_KEY", "secret"),
            ("WANDB_BASE_URL", "https://example.com"),
            ("WANDBD_LOG", "debug"),
            ("WANDBD_RUN", "session"),
            ("LC_ALL", "C"),
            ("LD_PRELOAD", "x.so"),
            ("SSL_CERT_FILE", "/ca.pem"),
        ])
        .unwrap();
        let names: Vec<_> = settings
            .daemon_env
            .iter()
            .map(|(name, _)| name.to_str().unwrap())
            .collect();
        assert_eq!(names, ["HOME", "WANDBD_LOG", "LC_ALL", "SSL_CERT_FILE"]);
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (name, value) in [
            ("WANDBD_BUFFER_BYTES", "12 MB"),
            ("WANDBD_BUFFER_BYTES", "1"),
            ("WANDBD_AUTOSTART", "maybe"),
        ] {
            let error = settings(&[("HOME", "/h"), (name, value)]).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn the_defaults_are_128_mib_and_a_daemon_that_starts_by_itself() {
        let settings = settings(&[("HOME", "/h")]).unwrap();
        assert_eq!(settings.buffer_bytes, 128 << 20);
        assert!(settings.autostart && settings.defer && !settings.socket_named);
        assert!(settings.socket.ends_with("v1.sock"));
    }

    #[test]
    fn a_named_socket_is_taken_as_it_is() {
        let settings = settings(&[("HOME", "/h"), ("WANDBD_SOCKET", "/run/w.sock")]).unwrap();
        assert_eq!(settings.socket, PathBuf::from("/run/w.sock"));
        assert!(settings.socket_named);
    }
}
