//! Where things lie: the state directory and the socket. The daemon uses the same functions.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::error::SettingsError;

/// The kernel allows 108 bytes on Linux and 104 on macOS, the closing zero included.
const SOCKET_PATH_MAX: usize = 99;

/// A way to look up an environment variable; empty values count as absent.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// `WANDBD_STATE_DIR`, else `$XDG_STATE_HOME` or `~/.local/state`, and in there `wandbd/<machine id>`.
pub fn state_dir(var: Lookup<'_>) -> PathBuf {
    if let Some(named) = absolute(var, "WANDBD_STATE_DIR") {
        return named;
    }
    let base = absolute(var, "XDG_STATE_HOME").unwrap_or_else(|| {
        home(var).map_or_else(|| user_temp(var), |home| home.join(".local/state"))
    });
    base.join("wandbd").join(machine_id())
}

/// The socket that belongs to a state directory: below `$XDG_RUNTIME_DIR` when that exists, else below the system's temporary
/// directory, under 100 bytes.
///
/// # Errors
/// [`SettingsError::SocketTooLong`] when not even `/tmp` is short enough.
pub fn socket_path(state: &Path, var: Lookup<'_>) -> Result<PathBuf, SettingsError> {
    let name = format!("wandbd-{}", short_hash(state));
    let runtime = absolute(var, "XDG_RUNTIME_DIR").filter(|dir| dir.is_dir());
    let candidates = [
        runtime,
        Some(user_temp(var)),
        Some(temp_of_user(Path::new("/tmp"))),
    ];
    let mut shortest = Err(SettingsError::SocketTooLong {
        path: PathBuf::from(&name),
    });
    for dir in candidates.into_iter().flatten() {
        shortest = short_enough(dir.join(&name).join("v1.sock"));
        if shortest.is_ok() {
            break;
        }
    }
    shortest
}

/// # Errors
/// [`SettingsError::SocketTooLong`] for a path of 100 bytes or more.
pub(crate) fn short_enough(path: PathBuf) -> Result<PathBuf, SettingsError> {
    if path.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(SettingsError::SocketTooLong { path });
    }
    Ok(path)
}

/// Makes `path` with mode 0700 if it is missing, and makes sure that it is private to this user.
///
/// # Errors
/// [`SettingsError::Directory`] when it cannot be made, [`SettingsError::NotPrivate`] when it is somebody else's or open to others.
pub fn private_dir(path: &Path) -> Result<(), SettingsError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| SettingsError::Directory {
            path: path.to_owned(),
            source,
        })?;
    check_private(path)
}

/// Makes sure that `path` is a directory of this user that nobody else can enter.
///
/// # Errors
/// [`SettingsError::Directory`] when it is not there, [`SettingsError::NotPrivate`] otherwise.
pub fn check_private(path: &Path) -> Result<(), SettingsError> {
    let found = fs::symlink_metadata(path).map_err(|source| SettingsError::Directory {
        path: path.to_owned(),
        source,
    })?;
    let me = rustix::process::geteuid().as_raw();
    let problem = if !found.is_dir() {
        "this is not a directory".to_owned()
    } else if found.uid() != me {
        format!("it belongs to user {}, not to {me}", found.uid())
    } else if found.mode() & 0o077 != 0 {
        format!("others may enter it (mode {:04o})", found.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(SettingsError::NotPrivate {
        path: path.to_owned(),
        problem,
    })
}

/// Makes sure that nobody else could have put the socket there: its directory, and `wandbd-<uid>` above it, are private.
///
/// # Errors
/// As [`check_private`].
pub fn check_socket_dir(socket: &Path) -> Result<(), SettingsError> {
    let Some(dir) = socket.parent() else {
        return Ok(());
    };
    check_private(dir)?;
    match dir.parent() {
        Some(above) if is_ours_by_name(above) => check_private(above),
        _ => Ok(()),
    }
}

fn is_ours_by_name(dir: &Path) -> bool {
    dir.file_name()
        .is_some_and(|name| name.as_bytes().starts_with(b"wandbd-"))
}

/// 8 hexadecimal digits of the SHA-256 of the path.
fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest
        .iter()
        .take(4)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What tells this machine from others that share a home directory.
pub fn machine_id() -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|id| id.trim().to_owned())
        .find(|id| is_plain_name(id))
        .unwrap_or_else(host_name)
}

fn is_plain_name(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id != "uninitialized"
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let name: String = name
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || char == '-' {
                char
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        "machine".to_owned()
    } else {
        name
    }
}

/// The home directory: `HOME`, else what the user database says.
fn home(var: Lookup<'_>) -> Option<PathBuf> {
    absolute(var, "HOME").or_else(|| {
        let me = rustix::process::getuid().as_raw().to_string();
        let users = fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let home = PathBuf::from(*fields.get(5)?);
            (fields.get(2) == Some(&me.as_str()) && home.is_absolute()).then_some(home)
        })
    })
}

fn user_temp(var: Lookup<'_>) -> PathBuf {
    temp_of_user(&absolute(var, "TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")))
}

fn temp_of_user(temp: &Path) -> PathBuf {
    temp.join(format!("wandbd-{}", rustix::process::geteuid().as_raw()))
}

/// A variable that holds an absolute path, without a trailing slash. Relative ones are ignored, as the XDG rules say.
fn absolute(var: Lookup<'_>, name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(var(name).filter(|value| !value.is_empty())?);
    path.is_absolute().then(|| path.components().collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn vars<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn two_homes_never_share_a_state_directory_or_a_socket() {
        let one = state_dir(&vars(&[("HOME", "/home/one")]));
        let two = state_dir(&vars(&[("HOME", "/home/two/")]));
        assert_eq!(
            one,
            Path::new("/home/one/.local/state/wandbd").join(machine_id())
        );
        assert_eq!(
            two,
            Path::new("/home/two/.local/state/wandbd").join(machine_id())
        );
        let socket = |state: &Path| socket_path(state, &vars(&[("TMPDIR", "/tmp")])).unwrap();
        assert_ne!(socket(&one), socket(&two));
        assert_eq!(socket(&one), socket(&one));
    }

    #[test]
    fn the_state_directory_follows_xdg_and_can_be_named() {
        let xdg = vars(&[("HOME", "/h"), ("XDG_STATE_HOME", "/x")]);
        assert_eq!(state_dir(&xdg), Path::new("/x/wandbd").join(machine_id()));
        let relative = vars(&[("HOME", "/h"), ("XDG_STATE_HOME", "x")]);
        assert!(state_dir(&relative).starts_with("/h/.local/state"));
        let named = vars(&[("HOME", "/h"), ("WANDBD_STATE_DIR", "/named/")]);
        assert_eq!(state_dir(&named), Path::new("/named"));
    }

    #[test]
    fn the_socket_is_always_under_100_bytes() {
        let long = format!("/tmp/{}", "l".repeat(120));
        let socket = socket_path(Path::new("/state"), &vars(&[("TMPDIR", &long)])).unwrap();
        assert!(socket.starts_with("/tmp"), "{}", socket.display());
        assert!(socket.as_os_str().len() < 100);
        assert!(short_enough(PathBuf::from(long)).is_err());
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        private_dir(&path).unwrap();
        private_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let refused = private_dir(&path).unwrap_err().to_string();
        assert!(refused.contains("mode 0750"), "{refused}");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(check_private(&link).is_err());
    }
}
