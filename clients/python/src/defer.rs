//! JAX arrays that are not computed yet.
//!
//! Reading one would wait for the device. They cannot change, so `log` starts the copy to the host, keeps the row, and converts it in
//! a later call, when it is ready. Rows stay in order: what is logged after a kept row waits behind it. At most 64 rows are kept, then
//! the oldest is waited for. `WANDBD_DEFER=0` turns this off.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::prelude::*;
use wandbd_client::{Fields, RowHead, fork::PerProcess, say};

use crate::{run::Run, values::Writer};

const ROWS_MAX: usize = 64;
/// Larger arrays are converted at once: keeping them would hold their memory on the device.
const ELEMENTS_MAX: usize = 1024;

/// An array that is read later, and where its value belongs.
pub(crate) struct Device {
    pub(crate) path: Vec<u8>,
    pub(crate) value: Py<PyAny>,
}

/// A row that waits.
pub(crate) struct Row {
    pub(crate) head: RowHead,
    pub(crate) fields: Fields,
    pub(crate) devices: Vec<Device>,
}

#[derive(Default)]
struct Queue {
    rows: VecDeque<Row>,
    /// Somebody has taken the first row out and is converting it.
    busy: bool,
}

/// The rows of a run that wait. A forked child leaves its parent's alone.
pub(crate) struct Deferred(PerProcess<Mutex<Queue>>);

/// The array as something to read later, or None if it should be read at once. Starts its copy to the host.
pub(crate) fn device(value: &Bound<'_, PyAny>, path: Vec<u8>) -> Option<Device> {
    let elements = value
        .getattr("size")
        .and_then(|size| size.extract::<usize>());
    if !elements.is_ok_and(|elements| elements <= ELEMENTS_MAX) || is_ready(value) {
        return None;
    }
    value.call_method0("copy_to_host_async").ok()?;
    Some(Device {
        path,
        value: value.clone().unbind(),
    })
}

/// Also true for what cannot say: reading it will tell what is wrong.
fn is_ready(value: &Bound<'_, PyAny>) -> bool {
    value
        .call_method0("is_ready")
        .and_then(|ready| ready.is_truthy())
        .unwrap_or(true)
}

impl Deferred {
    pub(crate) const fn new() -> Self {
        Self(PerProcess::empty())
    }

    /// Never held while Python code runs.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0
            .get_or_init(Mutex::default)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether rows have to queue.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.get().is_some() && {
            let queue = self.queue();
            queue.busy || !queue.rows.is_empty()
        }
    }

    /// Takes a row in, and says what is ready by now.
    pub(crate) fn push(&self, run: &Bound<'_, Run>, row: Row) {
        self.queue().rows.push_back(row);
        self.say_rows(run, false);
    }

    /// Says every row that waits; waits for the device.
    pub(crate) fn drain(&self, run: &Bound<'_, Run>) {
        if self.is_waiting() {
            self.say_rows(run, true);
        }
    }

    fn say_rows(&self, run: &Bound<'_, Run>, all: bool) {
        loop {
            let (row, is_full) = {
                let mut queue = self.queue();
                if queue.busy {
                    return;
                }
                let is_full = queue.rows.len() > ROWS_MAX;
                let Some(row) = queue.rows.pop_front() else {
                    return;
                };
                queue.busy = true;
                (row, is_full)
            };
            let is_due = all
                || is_full
                || row
                    .devices
                    .iter()
                    .all(|device| is_ready(device.value.bind(run.py())));
            if is_due {
                say_row(run, row);
            } else {
                self.queue().rows.push_front(row);
            }
            self.queue().busy = false;
            if !is_due {
                return;
            }
        }
    }
}

fn say_row(run: &Bound<'_, Run>, mut row: Row) {
    let mut writer = Writer {
        fields: &mut row.fields,
        devices: None,
        run: Some(run),
    };
    for device in &row.devices {
        if let Err(error) = writer.late(device, run.py()) {
            say(
                "deferred",
                format!("a logged device array could not be read: {error}"),
            );
        }
    }
    run.get().session.end_row(&row.head, &row.fields);
}
