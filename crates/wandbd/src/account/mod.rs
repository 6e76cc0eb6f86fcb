//! The two files in which W&B keeps who a person is: netrc (keys, by machine) and a settings file (server, mode).
//!
//! Both belong to the user and hold more than ours: every line that is not ours stays as it is. They are replaced whole (temporary file,
//! sync, rename), so that a crash leaves the old or the new one; a file that is a link stays a link. Nothing here prints a key.

pub(crate) mod netrc;
pub(crate) mod settings;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub(crate) struct AccountError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl AccountError {
    fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            action,
            path,
            source,
        }
    }
}

/// The text of a file; empty when it is not there.
fn read(path: &Path) -> Result<String, AccountError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(AccountError::new("read", path)),
    }
}

/// Replaces a file's text. A new file gets `mode`; of an old one only the bits that `mode` has are kept.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), AccountError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::metadata(&target).map_or(mode, |meta| meta.permissions().mode() & mode);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(AccountError::new("make", parent))?;
    }
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let renamed = write(&temporary, text, mode).and_then(|()| fs::rename(&temporary, &target));
    if renamed.is_ok() {
        return Ok(());
    }
    // A file that is mounted alone, or a folder that may not be written: then in place.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(AccountError::new("remove", &temporary)(error));
        }
        _ => {}
    }
    write(&target, text, mode).map_err(AccountError::new("write", &target))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_file_stays_a_link_and_its_mode_only_gets_narrower() {
        let dir = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| dir.path().join(name));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();

        replace(&link, "new", 0o600).unwrap();

        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        let mode = fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_error_names_the_file() {
        let error = replace(Path::new("/proc/no/such"), "", 0o600).unwrap_err();

        assert!(error.to_string().contains("/proc/no"), "{error}");
    }
}
