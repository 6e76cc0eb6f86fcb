//! Words that stand for the values of an enumeration.

use pyo3::{exceptions::PyValueError, prelude::*};
use wandbd_client::proto::{alert::Level, metric, save::Policy};

/// One of the summaries of `define_metric`.
pub(crate) fn aggregate(word: &str) -> PyResult<i32> {
    use metric::Aggregate;
    let aggregate = match word {
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "mean" => Aggregate::Mean,
        "last" => Aggregate::Last,
        "none" => Aggregate::None,
        "copy" => Aggregate::Copy,
        "first" => Aggregate::First,
        other => {
            let text = format!(
                "summary must be of min, max, mean, first, last, none, copy; not {other:?}"
            );
            return Err(PyValueError::new_err(text));
        }
    };
    Ok(aggregate.into())
}

/// When a saved file is uploaded.
pub(crate) fn policy(word: &str) -> PyResult<Policy> {
    match word {
        "now" => Ok(Policy::Now),
        "live" => Ok(Policy::Live),
        "end" => Ok(Policy::End),
        other => {
            let text = format!("policy must be one of now, live, end; not {other:?}");
            Err(PyValueError::new_err(text))
        }
    }
}

/// How much an alert matters.
pub(crate) fn level(word: &str) -> PyResult<Level> {
    match word {
        "INFO" => Ok(Level::Info),
        "WARN" => Ok(Level::Warn),
        "ERROR" => Ok(Level::Error),
        other => {
            let text = format!("level must be one of INFO, WARN, ERROR; not {other:?}");
            Err(PyValueError::new_err(text))
        }
    }
}
