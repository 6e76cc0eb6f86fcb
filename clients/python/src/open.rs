//! The fields of `OpenRun` from a dict, by their names in `run.proto` and `wandbd.proto`.

use std::collections::HashMap;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyMapping},
};
use wandbd_client::proto::{Branch, ConsoleFiles, OpenRun, Pod, Program, Server, Shared, Stats};

/// A dict that is taken apart; what is left over at the end is an error.
struct Message<'py> {
    left: Bound<'py, PyDict>,
    name: &'static str,
}

impl<'py> Message<'py> {
    fn new(name: &'static str, fields: &Bound<'py, PyAny>) -> PyResult<Self> {
        let left = PyDict::new(fields.py());
        let mapping = fields
            .cast::<PyMapping>()
            .map_err(|_| PyTypeError::new_err(format!("{name} must be a dict")))?;
        left.update(mapping)?;
        Ok(Self { left, name })
    }

    fn any(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(value) = self.left.get_item(field)? else {
            return Ok(None);
        };
        self.left.del_item(field)?;
        Ok((!value.is_none()).then_some(value))
    }

    fn named<T>(&self, field: &str, found: PyResult<T>) -> PyResult<T> {
        // The value itself is not shown: it may be a key.
        found.map_err(|error| {
            PyTypeError::new_err(format!(
                "{}.{field} has a value of a wrong type ({error})",
                self.name
            ))
        })
    }

    fn text(&self, field: &str) -> PyResult<String> {
        self.any(field)?.map_or(Ok(String::new()), |value| {
            self.named(field, value.extract())
        })
    }

    fn texts(&self, field: &str) -> PyResult<Vec<String>> {
        self.any(field)?
            .map_or(Ok(Vec::new()), |value| self.named(field, value.extract()))
    }

    fn numbers(&self, field: &str) -> PyResult<Vec<i32>> {
        self.any(field)?
            .map_or(Ok(Vec::new()), |value| self.named(field, value.extract()))
    }

    fn flag(&self, field: &str) -> PyResult<bool> {
        self.any(field)?
            .map_or(Ok(false), |value| self.named(field, value.extract()))
    }

    fn number(&self, field: &str) -> PyResult<f64> {
        self.any(field)?
            .map_or(Ok(0.0), |value| self.named(field, value.extract()))
    }

    fn integer<T: FromPyObjectOwned<'py> + Default>(&self, field: &str) -> PyResult<T> {
        self.any(field)?.map_or(Ok(T::default()), |value| {
            self.named(field, value.extract().map_err(Into::into))
        })
    }

    fn map(&self, field: &str) -> PyResult<HashMap<String, String>> {
        self.any(field)?.map_or_else(
            || Ok(HashMap::new()),
            |value| self.named(field, value.extract()),
        )
    }

    fn end(self) -> PyResult<()> {
        match self.left.keys().iter().next() {
            None => Ok(()),
            Some(unknown) => Err(PyValueError::new_err(format!(
                "{} has no field {unknown}",
                self.name
            ))),
        }
    }
}

pub(crate) fn open_run(fields: &Bound<'_, PyAny>) -> PyResult<OpenRun> {
    let message = Message::new("OpenRun", fields)?;
    let run = OpenRun {
        run_id: message.text("run_id")?,
        entity: message.text("entity")?,
        project: message.text("project")?,
        group: message.text("group")?,
        job_type: message.text("job_type")?,
        display_name: message.text("display_name")?,
        notes: message.text("notes")?,
        tag: message.texts("tag")?,
        config_json: message.text("config_json")?,
        start_time: message.number("start_time")?,
        offline: message.flag("offline")?,
        folder: message.text("folder")?,
        resume: message.text("resume")?,
        server: message
            .any("server")?
            .map(|below| server(&below))
            .transpose()?,
        program: message
            .any("program")?
            .map(|below| program(&below))
            .transpose()?,
        stats: message
            .any("stats")?
            .map(|below| stats(&below))
            .transpose()?,
        feature: message.numbers("feature")?,
        console: message.text("console")?,
        fork_from: message
            .any("fork_from")?
            .map(|below| branch(&below))
            .transpose()?,
        resume_from: message
            .any("resume_from")?
            .map(|below| branch(&below))
            .transpose()?,
        sweep_id: message.text("sweep_id")?,
        console_files: message
            .any("console_files")?
            .map(|below| console_files(&below))
            .transpose()?,
        shared: message
            .any("shared")?
            .map(|below| shared(&below))
            .transpose()?,
        ignore_glob: message.texts("ignore_glob")?,
        save_code: message.flag("save_code")?,
    };
    message.end()?;
    Ok(run)
}

fn branch(fields: &Bound<'_, PyAny>) -> PyResult<Branch> {
    let message = Message::new("Branch", fields)?;
    let branch = Branch {
        run_id: message.text("run_id")?,
        step: message.integer("step")?,
    };
    message.end()?;
    Ok(branch)
}

fn console_files(fields: &Bound<'_, PyAny>) -> PyResult<ConsoleFiles> {
    let message = Message::new("ConsoleFiles", fields)?;
    let files = ConsoleFiles {
        multipart: message.flag("multipart")?,
        max_bytes: message.integer("max_bytes")?,
        max_seconds: message.number("max_seconds")?,
    };
    message.end()?;
    Ok(files)
}

fn shared(fields: &Bound<'_, PyAny>) -> PyResult<Shared> {
    let message = Message::new("Shared", fields)?;
    let shared = Shared {
        label: message.text("label")?,
        primary: message.flag("primary")?,
        finishes: message.flag("finishes")?,
    };
    message.end()?;
    Ok(shared)
}

/// `Server`, by the names of its fields.
pub(crate) fn server(fields: &Bound<'_, PyAny>) -> PyResult<Server> {
    let message = Message::new("Server", fields)?;
    let server = Server {
        base_url: message.text("base_url")?,
        api_key: message.text("api_key")?,
        netrc: message.text("netrc")?,
        header: message.map("header")?,
        http_proxy: message.text("http_proxy")?,
        https_proxy: message.text("https_proxy")?,
        no_proxy: message.text("no_proxy")?,
        ca_bundle: message.text("ca_bundle")?,
        insecure: message.flag("insecure")?,
        app_url: message.text("app_url")?,
        username: message.text("username")?,
        email: message.text("email")?,
        identity_token_file: message.text("identity_token_file")?,
        credentials_file: message.text("credentials_file")?,
        http_timeout_s: message.number("http_timeout_s")?,
        file_transfer_timeout_s: message.number("file_transfer_timeout_s")?,
        file_stream_timeout_s: message.number("file_stream_timeout_s")?,
        transmit_interval_s: message.number("transmit_interval_s")?,
        post_max_bytes: message.integer("post_max_bytes")?,
        line_max_bytes: message.integer("line_max_bytes")?,
    };
    message.end()?;
    Ok(server)
}

fn program(fields: &Bound<'_, PyAny>) -> PyResult<Program> {
    let message = Message::new("Program", fields)?;
    let program = Program {
        path: message.text("path")?,
        arg: message.texts("arg")?,
        cwd: message.text("cwd")?,
        executable: message.text("executable")?,
        language_version: message.text("language_version")?,
        implementation: message.text("implementation")?,
        cli_version: message.text("cli_version")?,
        package_path: message.texts("package_path")?,
        host: message.text("host")?,
        username: message.text("username")?,
        disable_git: message.flag("disable_git")?,
        disable_metadata: message.flag("disable_metadata")?,
        git_commit: message.text("git_commit")?,
        git_remote_url: message.text("git_remote_url")?,
        docker: message.text("docker")?,
        notebook: message.text("notebook")?,
        slurm: message.map("slurm")?,
        code_path: message.text("code_path")?,
        colab: message.flag("colab")?,
        disable_machine_info: message.flag("disable_machine_info")?,
        root: message.text("root")?,
        pod: message.any("pod")?.map(|below| pod(&below)).transpose()?,
    };
    message.end()?;
    Ok(program)
}

fn pod(fields: &Bound<'_, PyAny>) -> PyResult<Pod> {
    let message = Message::new("Pod", fields)?;
    let pod = Pod {
        host: message.text("host")?,
        port: message.text("port")?,
        namespace: message.text("namespace")?,
        name: message.text("name")?,
        account: message.text("account")?,
    };
    message.end()?;
    Ok(pod)
}

fn stats(fields: &Bound<'_, PyAny>) -> PyResult<Stats> {
    let message = Message::new("Stats", fields)?;
    let stats = Stats {
        disabled: message.flag("disabled")?,
        interval_s: message.number("interval_s")?,
        disk_path: message.texts("disk_path")?,
        process_tree: message.flag("process_tree")?,
        label: message.text("label")?,
    };
    message.end()?;
    Ok(stats)
}
