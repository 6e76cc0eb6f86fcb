//! Messages of the daemon as dicts.

use pyo3::{
    IntoPyObjectExt as _,
    prelude::*,
    types::{PyAny, PyDict},
};
use wandbd_client::proto::{Field, LoginResponse, RestoreResponse, Run, field::Value};

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
