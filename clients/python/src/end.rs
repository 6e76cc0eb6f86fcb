//! The end of a run, as Python sees it.

use pyo3::{prelude::*, types::PyDict};
use wandbd_client::{Finished, Outcome, Waiting, proto};

use crate::dicts;

/// What `tick` is told; None: nothing.
pub(crate) fn seen(waiting: Waiting) -> Option<proto::Run> {
    match waiting {
        Waiting::Daemon => None,
        Waiting::Busy(cause) => Some(proto::Run {
            cause,
            ..proto::Run::default()
        }),
        Waiting::Delivery(run) => Some(run.map(|run| *run).unwrap_or_default()),
    }
}

/// What `finish` has to say.
pub(crate) fn ended(py: Python<'_>, finished: Finished) -> PyResult<Bound<'_, PyDict>> {
    let outcome = match finished.outcome {
        Outcome::Acked => "acked",
        Outcome::Delivered => "delivered",
        Outcome::Spilled => "spilled",
        Outcome::Timeout => "timeout",
        Outcome::Lost => "lost",
    };
    let dict = PyDict::new(py);
    dict.set_item("outcome", outcome)?;
    dict.set_item("lost_rows", finished.lost_rows)?;
    dict.set_item("dropped_rows", finished.dropped_rows)?;
    dict.set_item("run", dicts::run(py, &finished.run.unwrap_or_default())?)?;
    Ok(dict)
}
