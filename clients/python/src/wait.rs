//! Waiting without the GIL, so that other threads run and Ctrl-C works.

use std::time::Duration;

use pyo3::prelude::*;

/// Longer waits mean "for ever".
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Seconds from Python; negative and NaN are no time at all.
pub(crate) fn seconds(seconds: f64) -> Duration {
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).map_or(YEAR, |limit| limit.min(YEAR))
    } else {
        Duration::ZERO
    }
}

/// Runs `wait` without the GIL. It gets a question to ask every now and then, which lets Python handle its signals and is true when the
/// wait has to end; the exception is raised afterwards.
pub(crate) fn without_gil<T: Send>(
    py: Python<'_>,
    wait: impl FnOnce(&mut dyn FnMut() -> bool) -> T + Send,
) -> PyResult<T> {
    let mut raised = None;
    let result = py.detach(|| {
        wait(&mut || {
            interrupted(&mut raised, |py| {
                py.check_signals()?;
                Ok(())
            })
        })
    });
    raised.map_or(Ok(result), Err)
}

/// Asks Python; true when an exception was raised or the interpreter is going away.
pub(crate) fn interrupted(
    raised: &mut Option<PyErr>,
    ask: impl FnOnce(Python<'_>) -> PyResult<()>,
) -> bool {
    match Python::try_attach(ask) {
        Some(Ok(())) => false,
        Some(Err(error)) => {
            *raised = Some(error);
            true
        }
        None => true,
    }
}
