//! The run, as Python sees it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyString},
};
use wandbd_client::{
    Fields, Session, Wait,
    proto::{self, output::Stream},
};

use crate::{
    artifact, config,
    defer::{Deferred, Device, Row},
    dicts, end, media, open, said, table,
    values::{Writer, type_name, utf8},
    wait,
};

const CLIENT: &str = concat!("wandbd-python/", env!("CARGO_PKG_VERSION"));
/// Between two calls of `tick`.
const TICK: Duration = Duration::from_secs(1);

thread_local! {
    /// The memory of the last row of this thread, for the next one.
    static SCRATCH: Cell<Fields> = Cell::new(Fields::new());
}

/// A run as this process takes part in it.
#[pyclass(frozen, module = "wandbd._core")]
pub(crate) struct Run {
    pub(crate) session: Session,
    deferred: Deferred,
}

impl Run {
    fn new(session: Session) -> Self {
        Self {
            session,
            deferred: Deferred::new(),
        }
    }

    fn say_row(
        this: &Bound<'_, Self>,
        step: Option<i64>,
        commit: Option<bool>,
        fields: &mut Fields,
        devices: Vec<Device>,
    ) {
        let run = this.get();
        if devices.is_empty() && !run.deferred.is_waiting() {
            run.session.log(step, commit, fields);
            return;
        }
        let row = Row {
            head: run.session.begin_row(step, commit),
            fields: std::mem::take(fields),
            devices,
        };
        run.deferred.push(this, row);
    }

    fn drain(this: &Bound<'_, Self>) {
        this.get().deferred.drain(this);
    }
}

#[pymethods]
impl Run {
    #[staticmethod]
    fn open(fields: &Bound<'_, PyAny>) -> PyResult<Self> {
        let run = open::open_run(fields)?;
        Ok(Self::new(Session::open(config::settings()?, CLIENT, run)))
    }

    #[staticmethod]
    fn attach(session: &str, run_id: &str) -> PyResult<Self> {
        let settings = config::settings()?;
        Ok(Self::new(Session::attach(
            settings, CLIENT, session, run_id,
        )))
    }

    #[getter]
    fn session(&self) -> &str {
        self.session.owner_session()
    }

    #[getter]
    fn owner(&self) -> bool {
        self.session.is_owner()
    }

    #[getter]
    fn run_id(&self) -> &str {
        self.session.run_id()
    }

    #[getter]
    fn step(&self) -> i64 {
        self.session.step()
    }

    #[getter]
    fn stopped(&self) -> bool {
        self.session.is_stopped()
    }

    /// Add `data` to the history row of `step`.
    #[pyo3(signature = (data, step=None, commit=None, sync=None))]
    fn log<'py>(
        slf: &Bound<'py, Self>,
        data: &Bound<'py, PyAny>,
        step: Option<&Bound<'py, PyAny>>,
        commit: Option<&Bound<'py, PyAny>>,
        sync: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        // Since long without a meaning in W&B too.
        let _ = sync;
        let step = step.map(whole_step).transpose()?;
        let commit = commit.map(PyAnyMethods::is_truthy).transpose()?;
        let mut fields = SCRATCH.take();
        fields.clear();
        let mut devices = Vec::new();
        let mut writer = Writer {
            fields: &mut fields,
            devices: slf.get().session.settings().defer.then_some(&mut devices),
            run: Some(slf),
        };
        writer.mapping(data, "wandb.log")?;
        Self::say_row(slf, step, commit, &mut fields, devices);
        SCRATCH.set(fields);
        Ok(())
    }

    #[pyo3(signature = (update, remove=Vec::new()))]
    #[allow(clippy::needless_pass_by_value, reason = "made from Python values")]
    fn config(&self, update: &Bound<'_, PyAny>, remove: Vec<Vec<String>>) -> PyResult<()> {
        self.session
            .config(&written(update, "config", None)?, &remove);
        Ok(())
    }

    #[pyo3(signature = (update, remove=Vec::new()))]
    #[allow(clippy::needless_pass_by_value, reason = "made from Python values")]
    fn summary<'py>(
        slf: &Bound<'py, Self>,
        update: &Bound<'py, PyAny>,
        remove: Vec<Vec<String>>,
    ) -> PyResult<()> {
        let fields = written(update, "summary", Some(slf))?;
        slf.get().session.summary(&fields, &remove);
        Ok(())
    }

    #[pyo3(signature = (name, step_metric=None, step_sync=None, hidden=false, summary=Vec::new(), overwrite=false))]
    #[allow(clippy::needless_pass_by_value, reason = "made from Python values")]
    fn define_metric(
        &self,
        name: String,
        step_metric: Option<String>,
        step_sync: Option<bool>,
        hidden: bool,
        summary: Vec<String>,
        overwrite: bool,
    ) -> PyResult<()> {
        let is_glob = name.ends_with('*');
        let (name, glob) = if is_glob {
            (String::new(), name)
        } else {
            (name, String::new())
        };
        let summary = summary
            .iter()
            .map(|word| said::aggregate(word))
            .collect::<PyResult<_>>()?;
        self.session.metric(proto::Metric {
            name,
            glob,
            step_metric: step_metric.unwrap_or_default(),
            step_sync,
            hidden,
            summary,
            overwrite,
        });
        Ok(())
    }

    #[pyo3(signature = (display_name=None, notes=None, tags=None, group=None, job_type=None))]
    fn update(
        &self,
        display_name: Option<String>,
        notes: Option<String>,
        tags: Option<Vec<String>>,
        group: Option<String>,
        job_type: Option<String>,
    ) {
        self.session.update(proto::RunUpdate {
            display_name,
            notes,
            tags: tags.map(|tag| proto::run_update::Tags { tag }),
            group,
            job_type,
        });
    }

    /// Text as it was passed to `write` of a standard stream.
    fn output(&self, stderr: bool, text: &Bound<'_, PyString>) {
        let stream = if stderr {
            Stream::Stderr
        } else {
            Stream::Stdout
        };
        self.session.output(stream, &utf8(text));
    }

    /// Whole lines that were not written to a terminal.
    fn logs(&self, text: &Bound<'_, PyString>) {
        self.session.output(Stream::Logs, &utf8(text));
    }

    /// Files of the run itself.
    fn save(&self, files: Vec<(String, String)>, policy: &str) -> PyResult<()> {
        let policy = said::policy(policy)?;
        let files = files
            .into_iter()
            .map(|(name, source)| proto::save::File { name, source })
            .collect();
        self.session.save(files, policy);
        Ok(())
    }

    /// A message to the people who watch the run.
    fn alert(&self, title: String, text: String, level: &str, wait_s: f64) -> PyResult<()> {
        let level = said::level(level)?.into();
        self.session.alert(proto::Alert {
            title,
            text,
            level,
            wait_s,
        });
        Ok(())
    }

    /// The machine is about to be taken away.
    fn preempting(&self) {
        self.session.preempting();
    }

    /// Something that the daemon makes from raw data.
    fn media(&self, fields: &Bound<'_, PyAny>) -> PyResult<bool> {
        media::say(&self.session, fields)
    }

    /// Rows of a table, before the table.
    #[pyo3(signature = (table, first_row, rows, other=None))]
    fn table_rows(
        &self,
        table: String,
        first_row: u64,
        rows: &Bound<'_, PyAny>,
        other: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        table::say(&self.session, table, first_row, rows, other)
    }

    /// A version of an artifact.
    fn log_artifact(&self, fields: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.session.artifact(artifact::artifact(fields)?))
    }

    /// A version appears in another collection, too.
    fn link(&self, fields: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.session.link(artifact::link(fields)?))
    }

    /// Event files of `TensorBoard` in a folder.
    fn event_files(&self, folder: String, namespace: String, save: bool) {
        self.session.event_files(proto::EventFiles {
            folder,
            namespace,
            save,
        });
    }

    fn info<'py>(&self, py: Python<'py>, timeout_s: f64) -> PyResult<Bound<'py, PyDict>> {
        let limit = wait::seconds(timeout_s);
        let run = wait::without_gil(py, |poll| self.session.info(limit, poll))?;
        dicts::run(py, &run.unwrap_or_default())
    }

    fn opened<'py>(&self, py: Python<'py>, timeout_s: f64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let limit = wait::seconds(timeout_s);
        let run = wait::without_gil(py, |poll| self.session.opened(limit, poll))?;
        run.map(|run| dicts::run(py, &run)).transpose()
    }

    fn fetch<'py>(slf: &Bound<'py, Self>, timeout_s: f64) -> PyResult<Option<Bound<'py, PyDict>>> {
        Self::drain(slf);
        let (py, session) = (slf.py(), &slf.get().session);
        let limit = wait::seconds(timeout_s);
        let run = wait::without_gil(py, |poll| session.fetch(limit, poll))?;
        run.map(|run| dicts::run(py, &run)).transpose()
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        dicts::nested(py, &self.session.values())
    }

    fn flush(slf: &Bound<'_, Self>, timeout_s: f64) -> PyResult<bool> {
        Self::drain(slf);
        let session = &slf.get().session;
        let limit = wait::seconds(timeout_s);
        wait::without_gil(slf.py(), |poll| session.flush(limit, poll))
    }

    fn give_up(&self) {
        self.session.give_up();
    }

    #[pyo3(signature = (exit_code, wait, timeout_s, tick=None))]
    #[allow(clippy::needless_pass_by_value, reason = "used without the GIL")]
    fn finish<'py>(
        slf: &Bound<'py, Self>,
        exit_code: i32,
        wait: &str,
        timeout_s: f64,
        tick: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let wait = match wait {
            "ack" => Wait::Ack,
            "delivered" => Wait::Delivered(wait::seconds(timeout_s)),
            other => {
                let text = format!("wait must be \"ack\" or \"delivered\", not {other:?}");
                return Err(PyValueError::new_err(text));
            }
        };
        Self::drain(slf);
        let (py, session) = (slf.py(), &slf.get().session);
        let mut raised = None;
        let mut last = Instant::now();
        let finished = py.detach(|| {
            session.finish(exit_code, wait, &mut |waiting| {
                wait::interrupted(&mut raised, |py| {
                    py.check_signals()?;
                    let (Some(tick), Some(run)) = (&tick, end::seen(waiting)) else {
                        return Ok(());
                    };
                    if last.elapsed() < TICK {
                        return Ok(());
                    }
                    last = Instant::now();
                    tick.call1(py, (dicts::run(py, &run)?,)).map(drop)
                })
            })
        });
        raised.map_or(Ok(()), Err)?;
        end::ended(py, finished)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.session.stats();
        let dict = PyDict::new(py);
        dict.set_item("records", stats.records)?;
        dict.set_item("acked", stats.acked)?;
        dict.set_item("dropped_rows", stats.dropped_rows)?;
        dict.set_item("dropped_records", stats.dropped_records)?;
        dict.set_item("window_bytes", stats.window_bytes)?;
        dict.set_item("reconnects", stats.reconnects)?;
        dict.set_item("refused", stats.refused)?;
        dict.set_item("connected", u8::from(stats.connected))?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        format!("<wandbd._core.Run {}>", self.session.run_id())
    }
}

fn written<'py>(
    update: &Bound<'py, PyAny>,
    what: &str,
    run: Option<&Bound<'py, Run>>,
) -> PyResult<Fields> {
    let mut fields = Fields::new();
    let mut writer = Writer {
        fields: &mut fields,
        devices: None,
        run,
    };
    writer.mapping(update, what)?;
    Ok(fields)
}

/// A step that was given: a whole number, also of numpy. One that is negative goes backward, and is refused as such by the daemon.
fn whole_step(step: &Bound<'_, PyAny>) -> PyResult<i64> {
    step.extract::<i64>().or_else(|_| {
        Err(PyTypeError::new_err(format!(
            "log step must be a whole number below 2^63, not {} of type {}",
            step.repr()?.to_string_lossy(),
            type_name(step)
        )))
    })
}
