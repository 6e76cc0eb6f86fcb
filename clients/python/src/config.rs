//! What is said once per process.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use wandbd_client::{Settings, SettingsError, paths as places};

#[derive(Default)]
struct Config {
    daemon: Option<PathBuf>,
    convert: Option<Py<PyAny>>,
}

static CONFIG: Mutex<Config> = Mutex::new(Config {
    daemon: None,
    convert: None,
});

/// Held with the GIL, and never while Python code runs.
fn config() -> MutexGuard<'static, Config> {
    CONFIG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Say once how this process works.
#[pyfunction]
#[pyo3(signature = (*, daemon=None, convert=None, interrupt_on_stop=false))]
pub(crate) fn configure(
    daemon: Option<PathBuf>,
    convert: Option<Py<PyAny>>,
    interrupt_on_stop: bool,
) {
    wandbd_client::interrupt_on_stop(interrupt_on_stop);
    let before = std::mem::replace(&mut *config(), Config { daemon, convert });
    // The old callback may run Python code when it goes: not under the lock.
    drop(before);
}

/// The callback for types that the core does not know.
pub(crate) fn convert(py: Python<'_>) -> Option<Py<PyAny>> {
    config()
        .convert
        .as_ref()
        .map(|convert| convert.clone_ref(py))
}

pub(crate) fn settings() -> PyResult<Settings> {
    let daemon = config().daemon.clone();
    Settings::from_env(daemon).map_err(|error| value_error(&error))
}

fn value_error(error: &SettingsError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// `state`, `socket`, `staging`.
#[pyfunction]
pub(crate) fn paths(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let settings = settings()?;
    let staging = settings.staging();
    places::private_dir(&settings.state).map_err(|error| value_error(&error))?;
    places::private_dir(&staging).map_err(|error| value_error(&error))?;
    let paths = PyDict::new(py);
    paths.set_item("state", settings.state.as_os_str())?;
    paths.set_item("socket", settings.socket.as_os_str())?;
    paths.set_item("staging", staging.as_os_str())?;
    Ok(paths)
}

/// Lines for the user's terminal that have come up since the last call.
#[pyfunction]
pub(crate) fn messages() -> Vec<String> {
    wandbd_client::take_messages()
}
