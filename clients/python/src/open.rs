//! The fields of `OpenRun` from a dict, by their names in `run.proto` and `wandbd.proto`.

use pyo3::prelude::*;
use wandbd_client::proto::{Branch, ConsoleFiles, OpenRun, Pod, Program, Server, Shared, Stats};

use crate::message::Message;

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
        server: message.below("server", server)?,
        program: message.below("program", program)?,
        stats: message.below("stats", stats)?,
        feature: message.numbers("feature")?,
        console: message.text("console")?,
        fork_from: message.below("fork_from", branch)?,
        resume_from: message.below("resume_from", branch)?,
        sweep_id: message.text("sweep_id")?,
        console_files: message.below("console_files", console_files)?,
        shared: message.below("shared", shared)?,
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
        pod: message.below("pod", pod)?,
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
