//! Messages of the daemon as dicts.

use pyo3::{
    IntoPyObjectExt as _,
    prelude::*,
    types::{PyAny, PyDict},
};
use wandbd_client::proto::{
    ArtifactFacts, DownloadProgress, Field, GetArtifactResponse, LoginResponse, RestoreResponse,
    Run, StageResponse, field::Value, stage_response::Kept,
};

/// All fields of a `Run`; the state by its name.
pub(crate) fn run<'py>(py: Python<'py>, run: &Run) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("run_id", &run.run_id)?;
    dict.set_item("entity", &run.entity)?;
    dict.set_item("project", &run.project)?;
    dict.set_item("display_name", &run.display_name)?;
    dict.set_item("url", &run.url)?;
    dict.set_item("state", run.state().as_str_name())?;
    dict.set_item("cause", &run.cause)?;
    dict.set_item("rows", run.rows)?;
    dict.set_item("rows_delivered", run.rows_delivered)?;
    dict.set_item("bytes_pending", run.bytes_pending)?;
    dict.set_item("rows_dropped", run.rows_dropped)?;
    dict.set_item("lines_quarantined", run.lines_quarantined)?;
    dict.set_item("journal", &run.journal)?;
    dict.set_item("next_step", run.next_step)?;
    dict.set_item("start_time", run.start_time)?;
    dict.set_item("exit_code", run.exit_code)?;
    dict.set_item("config_json", &run.config_json)?;
    dict.set_item("summary_json", &run.summary_json)?;
    dict.set_item("session", &run.session)?;
    dict.set_item("resumed", run.resumed)?;
    dict.set_item("opened", run.opened)?;
    dict.set_item("error", &run.error)?;
    dict.set_item("starting_step", run.starting_step)?;
    dict.set_item("tag", &run.tag)?;
    dict.set_item("notes", &run.notes)?;
    dict.set_item("group", &run.group)?;
    dict.set_item("job_type", &run.job_type)?;
    dict.set_item("sweep_id", &run.sweep_id)?;
    dict.set_item("starting_runtime", run.starting_runtime)?;
    Ok(dict)
}

/// What became of `count` files; `failure`: why nobody was asked.
pub(crate) fn staged<'py>(
    py: Python<'py>,
    answer: &StageResponse,
    count: usize,
    failure: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let mut kept: Vec<&str> = answer.file().map(|kept| kept.as_str_name()).collect();
    kept.resize(count, Kept::NotKept.as_str_name());
    let dict = PyDict::new(py);
    dict.set_item("kept", kept)?;
    dict.set_item("full", &answer.full)?;
    dict.set_item("message", failure)?;
    Ok(dict)
}

/// All fields of a `GetArtifactResponse`; the verdict by its name.
pub(crate) fn artifact<'py>(
    py: Python<'py>,
    answer: &GetArtifactResponse,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("verdict", answer.verdict().as_str_name())?;
    dict.set_item("message", &answer.message)?;
    let found = answer.artifact.as_ref();
    let found = found.map(|found| facts(py, found)).transpose()?;
    dict.set_item("artifact", found)?;
    Ok(dict)
}

fn facts<'py>(py: Python<'py>, facts: &ArtifactFacts) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", &facts.id)?;
    dict.set_item("entity", &facts.entity)?;
    dict.set_item("project", &facts.project)?;
    dict.set_item("collection", &facts.collection)?;
    dict.set_item("source_entity", &facts.source_entity)?;
    dict.set_item("source_project", &facts.source_project)?;
    dict.set_item("source_collection", &facts.source_collection)?;
    dict.set_item("version_index", facts.version_index)?;
    dict.set_item("source_version_index", facts.source_version_index)?;
    dict.set_item("type", &facts.r#type)?;
    dict.set_item("description", &facts.description)?;
    dict.set_item("metadata_json", &facts.metadata_json)?;
    dict.set_item("alias", &facts.alias)?;
    dict.set_item("tag", &facts.tag)?;
    dict.set_item("state", &facts.state)?;
    dict.set_item("digest", &facts.digest)?;
    dict.set_item("size", facts.size)?;
    dict.set_item("file_count", facts.file_count)?;
    dict.set_item("created_at", &facts.created_at)?;
    dict.set_item("updated_at", &facts.updated_at)?;
    dict.set_item("commit_hash", &facts.commit_hash)?;
    dict.set_item("manifest_json", &facts.manifest_json)?;
    dict.set_item("ttl_s", facts.ttl_s)?;
    dict.set_item("ttl_inherited", facts.ttl_inherited)?;
    dict.set_item("history_step", facts.history_step)?;
    dict.set_item("url", &facts.url)?;
    Ok(dict)
}

/// All fields of a `DownloadProgress`.
pub(crate) fn progress<'py>(
    py: Python<'py>,
    progress: &DownloadProgress,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("files", progress.files)?;
    dict.set_item("files_total", progress.files_total)?;
    dict.set_item("bytes", progress.bytes)?;
    dict.set_item("bytes_total", progress.bytes_total)?;
    dict.set_item("done", progress.done)?;
    dict.set_item("error", &progress.error)?;
    dict.set_item("reference", &progress.reference)?;
    Ok(dict)
}

/// All fields of a `LoginResponse`; the verdict by its name.
pub(crate) fn login<'py>(py: Python<'py>, answer: &LoginResponse) -> PyResult<Bound<'py, PyDict>> {
    let runs = |list: &[Run]| {
        list.iter()
            .map(|message| run(py, message))
            .collect::<PyResult<Vec<_>>>()
    };
    let dict = PyDict::new(py);
    dict.set_item("verdict", answer.verdict().as_str_name())?;
    dict.set_item("message", &answer.message)?;
    dict.set_item("entity", &answer.entity)?;
    dict.set_item("username", &answer.username)?;
    dict.set_item("sent", runs(&answer.sent)?)?;
    dict.set_item("older", runs(&answer.older)?)?;
    Ok(dict)
}

/// All fields of a `RestoreResponse`.
pub(crate) fn restore<'py>(
    py: Python<'py>,
    answer: &RestoreResponse,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("found", answer.found)?;
    dict.set_item("message", &answer.message)?;
    Ok(dict)
}

/// Leaves as a nested dict.
pub(crate) fn nested<'py>(py: Python<'py>, leaves: &[Field]) -> PyResult<Bound<'py, PyDict>> {
    let root = PyDict::new(py);
    for leaf in leaves {
        let mut names: Vec<&str> = std::iter::once(&leaf.key)
            .chain(&leaf.nested)
            .map(String::as_str)
            .collect();
        let last = names.pop().unwrap_or_default();
        let mut dict = root.clone();
        for name in names {
            let below = dict.get_item(name)?.map(pyo3::Bound::cast_into::<PyDict>);
            dict = if let Some(Ok(below)) = below {
                below
            } else {
                let below = PyDict::new(py);
                dict.set_item(name, &below)?;
                below
            };
        }
        dict.set_item(last, value(py, leaf)?)?;
    }
    Ok(root)
}

fn value<'py>(py: Python<'py>, leaf: &Field) -> PyResult<Bound<'py, PyAny>> {
    match &leaf.value {
        Some(Value::Number(number)) => number.into_bound_py_any(py),
        Some(Value::Integer(integer)) => integer.into_bound_py_any(py),
        Some(Value::Boolean(boolean)) => boolean.into_bound_py_any(py),
        Some(Value::Text(text)) => text.into_bound_py_any(py),
        Some(Value::Json(json) | Value::Template(json)) => {
            py.import("json")?.call_method1("loads", (json,))
        }
        Some(Value::None(_)) | None => Ok(py.None().into_bound(py)),
    }
}
