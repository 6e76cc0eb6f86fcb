//! Private files with raw data that is too large for the window: `staging/<pid>-<hex>/<number>`. The daemon removes each when it has read
//! it, and the folders of processes that are gone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use uuid::Uuid;

use crate::{Settings, paths};

#[derive(Default)]
pub(crate) struct Scratch {
    folder: Mutex<Option<PathBuf>>,
    count: AtomicU64,
}

impl Scratch {
    fn folder(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a new file and returns its path; nothing is left of it when that fails.
    pub(crate) fn write(
        &self,
        settings: &Settings,
        write: &mut dyn FnMut(&mut File) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let name = self.count.fetch_add(1, Ordering::Relaxed).to_string();
        let (path, mut file) = match self.create(settings, &name) {
            // Tidied up by another thread in this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *self.folder() = None;
                self.create(settings, &name)?
            }
            created => created?,
        };
        match write(&mut file) {
            Ok(()) => Ok(path),
            Err(error) => {
                fs::remove_file(&path).unwrap_or_default();
                Err(error)
            }
        }
    }

    fn create(&self, settings: &Settings, name: &str) -> io::Result<(PathBuf, File)> {
        let path = self.own_folder(settings)?.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((path, file))
    }

    fn own_folder(&self, settings: &Settings) -> io::Result<PathBuf> {
        let mut folder = self.folder();
        if let Some(folder) = &*folder {
            return Ok(folder.clone());
        }
        let staging = settings.staging();
        for dir in [settings.state.as_path(), &staging] {
            paths::private_dir(dir).map_err(io::Error::other)?;
        }
        let name = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        let made = staging.join(name);
        DirBuilder::new().mode(0o700).create(&made)?;
        Ok(folder.insert(made).clone())
    }

    /// Removes the folder if the daemon has taken all that was in it.
    pub(crate) fn tidy(&self) {
        let mut folder = self.folder();
        if folder
            .as_deref()
            .map(fs::remove_dir)
            .is_some_and(|done| done.is_ok())
        {
            *folder = None;
        }
    }
}

/// Removes a file that no record names.
pub(crate) fn remove(path: &Path) {
    fs::remove_file(path).unwrap_or_default();
}
