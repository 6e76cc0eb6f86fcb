//! The record that becomes `wandb-metadata.json`.

use wandbd_proto::{v1, wandb};
use wandbd_sampler::Machine;

use super::{
    code::Script,
    git::{Git, without_password},
};

const COLAB: &str = "https://colab.research.google.com/notebook#";

/// What is known of program and machine. `writer` names this writer among those of a shared run.
pub(super) fn record(
    open: &v1::OpenRun,
    program: &v1::Program,
    machine: &Machine,
    git: Option<&Git>,
    script: &Script,
    writer: String,
) -> wandb::EnvironmentRecord {
    let server = open.server.clone().unwrap_or_default();
    let or = |said: &str, found: &str| if said.is_empty() { found } else { said }.to_owned();
    wandb::EnvironmentRecord {
        os: format!("{}{}", machine.os, libc_name()),
        python: format!("{} {}", program.implementation, program.language_version),
        started_at: Some(wandbd_record::convert::timestamp(open.start_time)),
        docker: program.docker.clone(),
        args: program.arg.clone(),
        program: or(&program.notebook, &program.path),
        code_path: script.in_repository.clone(),
        code_path_local: script.in_directory.clone(),
        git: repository(program, git),
        email: server.email,
        root: or(&program.root, &program.cwd),
        host: or(&program.host, &machine.host),
        username: server.username,
        executable: program.executable.clone(),
        colab: colab(program),
        slurm: program.slurm.clone().into_iter().collect(),
        writer_id: writer,
        // As W&B has it: hardware is looked at for the metrics, or not at all.
        ..match &open.stats {
            Some(stats) if stats.disabled => wandb::EnvironmentRecord::default(),
            _ => hardware(machine),
        }
    }
}

/// The C library, in the words of Python's `platform`; empty where it is another one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn libc_name() -> String {
    // SAFETY: it returns a static text that ends with a zero.
    #[expect(unsafe_code, reason = "glibc says its version by no other way")]
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    format!("-with-glibc{}", version.to_string_lossy())
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn libc_name() -> String {
    String::new()
}

/// The repository, with what a person said instead of it.
fn repository(program: &v1::Program, git: Option<&Git>) -> Option<wandb::GitRepoRecord> {
    if program.disable_git {
        return None;
    }
    let said = |said: &str, found: Option<&String>| match said {
        "" => found.cloned().unwrap_or_default(),
        said => without_password(said),
    };
    let record = wandb::GitRepoRecord {
        remote_url: said(&program.git_remote_url, git.map(|git| &git.remote)),
        commit: said(&program.git_commit, git.map(|git| &git.commit)),
    };
    (record != wandb::GitRepoRecord::default()).then_some(record)
}

/// The notebook's address, if it is one of Colab.
fn colab(program: &v1::Program) -> String {
    match program.notebook.find("fileId=") {
        Some(at) if program.colab => format!("{COLAB}{}", &program.notebook[at..]),
        _ => String::new(),
    }
}

fn hardware(machine: &Machine) -> wandb::EnvironmentRecord {
    let disk = |disk: &wandbd_sampler::Disk| wandb::DiskInfo {
        total: disk.total,
        used: disk.used,
    };
    wandb::EnvironmentRecord {
        cpu_count: machine.cpu_count,
        cpu_count_logical: machine.cpu_count_logical,
        disk: machine
            .disk
            .iter()
            .map(|(path, space)| (path.clone(), disk(space)))
            .collect(),
        memory: Some(wandb::MemoryInfo {
            total: machine.memory.total,
        }),
        cpu: Some(wandb::CpuInfo {
            count: machine.cpu_count,
            count_logical: machine.cpu_count_logical,
            model: machine.cpu.model.clone(),
        }),
        ..wandb::EnvironmentRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git() -> Git {
        Git {
            root: "/home/me/project".into(),
            remote: "https://example.com/a/b.git".into(),
            commit: "abc".into(),
        }
    }

    #[test]
    fn what_a_person_said_of_git_goes_before_what_the_repository_says() {
        let program = v1::Program {
            git_commit: "fed".into(),
            git_remote_url: "https://me:token@h/x".into(),
            ..v1::Program::default()
        };

        let record = repository(&program, Some(&git())).unwrap();

        assert_eq!(record.commit, "fed");
        assert_eq!(record.remote_url, "https://h/x");
    }

    #[test]
    fn git_is_left_out_when_it_is_disabled_or_absent() {
        let disabled = v1::Program {
            disable_git: true,
            git_commit: "fed".into(),
            ..v1::Program::default()
        };

        assert_eq!(repository(&disabled, Some(&git())), None);
        assert_eq!(repository(&v1::Program::default(), None), None);
    }

    #[test]
    fn a_notebook_of_colab_is_linked() {
        let program = v1::Program {
            colab: true,
            notebook: "/fileId=1aB".into(),
            ..v1::Program::default()
        };

        assert_eq!(colab(&program), format!("{COLAB}fileId=1aB"));
    }
}
