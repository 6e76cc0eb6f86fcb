//! Questions to the daemon that belong to no run of this process.

use std::time::{Duration, Instant};

use pyo3::{
    prelude::*,
    types::{PyAny, PyDict},
};
use wandbd_client::{
    CallError,
    proto::{
        DownloadProgress, GetArtifactResponse, LoginRequest, LoginResponse, RestoreRequest,
        RestoreResponse, StageRequest, get_artifact_response, login_response::Verdict,
        stage_request,
    },
};

use crate::{artifact, config, dicts, open, wait};

/// Between two calls of `tick`.
const TICK: Duration = Duration::from_secs(1);

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

/// 128 random characters.
#[pyfunction]
pub(crate) fn random_id() -> String {
    wandbd_client::random_id()
}

/// Ask the daemon to keep files as they are now.
#[pyfunction]
pub(crate) fn stage(
    py: Python<'_>,
    files: Vec<(String, String)>,
    timeout_s: f64,
) -> PyResult<Bound<'_, PyDict>> {
    let count = files.len();
    let file = files
        .into_iter()
        .map(|(source, target)| stage_request::File { source, target })
        .collect();
    let (settings, limit) = (config::settings()?, wait::seconds(timeout_s));
    let answer = wait::without_gil(py, |poll| {
        wandbd_client::stage(&settings, StageRequest { file }, limit, poll)
    })?;
    let failure = answer.as_ref().err().map(sentence).unwrap_or_default();
    dicts::staged(py, &answer.unwrap_or_default(), count, &failure)
}

/// Ask for a version of an artifact.
#[pyfunction]
pub(crate) fn get_artifact<'py>(
    fields: &Bound<'py, PyAny>,
    timeout_s: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let request = artifact::get(fields)?;
    let (settings, limit) = (config::settings()?, wait::seconds(timeout_s));
    let answer = wait::without_gil(fields.py(), |poll| {
        wandbd_client::get_artifact(&settings, request, limit, poll)
    })?;
    dicts::artifact(fields.py(), &answer.unwrap_or_else(|error| absent(&error)))
}

/// Change what may change of a committed version.
#[pyfunction]
pub(crate) fn change_artifact<'py>(
    fields: &Bound<'py, PyAny>,
    timeout_s: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let request = artifact::change(fields)?;
    let (settings, limit) = (config::settings()?, wait::seconds(timeout_s));
    let answer = wait::without_gil(fields.py(), |poll| {
        wandbd_client::change_artifact(&settings, request, limit, poll)
    })?;
    dicts::artifact(fields.py(), &answer.unwrap_or_else(|error| absent(&error)))
}

fn absent(error: &CallError) -> GetArtifactResponse {
    GetArtifactResponse {
        verdict: get_artifact_response::Verdict::Unreachable.into(),
        message: sentence(error),
        artifact: None,
    }
}

/// Bring the files of a version to this machine.
#[pyfunction]
#[pyo3(signature = (fields, tick=None))]
#[allow(clippy::needless_pass_by_value, reason = "used without the GIL")]
pub(crate) fn download_artifact<'py>(
    fields: &Bound<'py, PyAny>,
    tick: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let request = artifact::download(fields)?;
    let settings = config::settings()?;
    let py = fields.py();
    let mut raised = None;
    let mut last = Instant::now();
    let answer = py.detach(|| {
        wandbd_client::download_artifact(&settings, request, &mut |news| {
            wait::interrupted(&mut raised, |py| {
                py.check_signals()?;
                match (&news, &tick) {
                    (Some(news), Some(tick)) if last.elapsed() >= TICK => {
                        last = Instant::now();
                        tick.call1(py, (dicts::progress(py, news)?,)).map(drop)
                    }
                    _ => Ok(()),
                }
            })
        })
    });
    raised.map_or(Ok(()), Err)?;
    let answer = answer.unwrap_or_else(|error| DownloadProgress {
        error: sentence(&error),
        ..DownloadProgress::default()
    });
    dicts::progress(py, &answer)
}

/// The error with its causes.
fn sentence(error: &CallError) -> String {
    wandbd_client::chain(error)
}
