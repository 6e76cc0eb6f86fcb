//! Questions to the daemon that belong to no run of this process.

use pyo3::{
    prelude::*,
    types::{PyAny, PyDict},
};
use wandbd_client::{
    CallError,
    proto::{
        LoginRequest, LoginResponse, RestoreRequest, RestoreResponse, login_response::Verdict,
    },
};

use crate::{config, dicts, open, wait};

/// Ask who a key belongs to, and send what has waited for it.
#[pyfunction]
pub(crate) fn login<'py>(
    server: &Bound<'py, PyAny>,
    verify: bool,
    send: bool,
    timeout_s: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let py = server.py();
    let request = LoginRequest {
        server: Some(open::server(server)?),
        verify,
        send,
    };
    let (settings, limit) = (config::settings()?, wait::seconds(timeout_s));
    let answer = wait::without_gil(py, |poll| {
        wandbd_client::login(&settings, request, limit, poll)
    })?;
    let answer = answer.unwrap_or_else(|error| LoginResponse {
        verdict: Verdict::Unreachable.into(),
        message: sentence(&error),
        ..LoginResponse::default()
    });
    dicts::login(py, &answer)
}

/// Read a file of a run from its server into a file on this machine.
#[pyfunction]
pub(crate) fn restore<'py>(
    py: Python<'py>,
    server: Option<&Bound<'py, PyAny>>,
    session: String,
    run_path: String,
    name: String,
    target: String,
    timeout_s: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let request = RestoreRequest {
        server: server.map(open::server).transpose()?,
        session,
        run_path,
        name,
        target,
    };
    let (settings, limit) = (config::settings()?, wait::seconds(timeout_s));
    let answer = wait::without_gil(py, |poll| {
        wandbd_client::restore(&settings, request, limit, poll)
    })?;
    let answer = answer.unwrap_or_else(|error| RestoreResponse {
        found: false,
        message: sentence(&error),
    });
    dicts::restore(py, &answer)
}

/// The error with its causes.
fn sentence(error: &CallError) -> String {
    wandbd_client::chain(error)
}
