//! What a run's page says about its surroundings: `wandb-metadata.json`, `requirements.txt`, git.
//!
//! The stub sends what only it knows; packages, git and hardware are read here, once, after the run was opened.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use wandbd_ingest::{IngestError, RunLog};
use wandbd_journal::Urgency;
use wandbd_proto::{v1, wandb, wandb::record::RecordType};
use wandbd_sampler::Machine;

/// Packages listed at most; more is not an environment of one program.
const PACKAGES: usize = 10_000;

/// Writes the files beside the journal and the records into it; blocking. A run that has them already (adopted) is left alone.
pub(crate) fn gather(run: &RunLog, machine: &Machine) -> Result<(), IngestError> {
    let open = run.open();
    let program = open.program.clone().unwrap_or_default();
    if program.disable_metadata || run.has_ended() {
        return Ok(());
    }
    let dir = run.path().parent().unwrap_or(Path::new(".")).join("files");
    if dir.join("requirements.txt").exists() {
        return Ok(());
    }
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        fs::create_dir_all(&dir)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| IngestError::Io {
                action: "write",
                path,
                source,
            })
    };
    write("requirements.txt", requirements(&program.package_path))?;
    let environment = environment(&open, &program, machine);
    run.append_own(
        vec![
            record(RecordType::Environment(environment)),
            record(RecordType::Files(wandb::FilesRecord {
                files: vec![wandb::FilesItem {
                    path: "requirements.txt".into(),
                    policy: wandb::files_item::PolicyType::Now.into(),
                    r#type: wandb::files_item::FileType::Wandb.into(),
                }],
            })),
        ],
        Urgency::Normal,
    )?;
    Ok(())
}

fn record(kind: RecordType) -> wandb::Record {
    wandb::Record {
        record_type: Some(kind),
        ..wandb::Record::default()
    }
}

fn environment(
    open: &v1::OpenRun,
    program: &v1::Program,
    machine: &Machine,
) -> wandb::EnvironmentRecord {
    let git = if program.disable_git {
        None
    } else {
        git(Path::new(&program.cwd))
    };
    wandb::EnvironmentRecord {
        os: machine.os.clone(),
        python: format!("{} {}", program.implementation, program.language_version),
        started_at: Some(wandbd_record::convert::timestamp(open.start_time)),
        args: program.arg.clone(),
        program: program.path.clone(),
        code_path_local: relative(&program.path, &program.cwd),
        git: git.clone().map(|git| wandb::GitRepoRecord {
            remote_url: git.remote,
            commit: git.commit,
        }),
        root: git.map_or_else(|| program.cwd.clone(), |git| git.root.display().to_string()),
        host: if program.host.is_empty() {
            machine.host.clone()
        } else {
            program.host.clone()
        },
        username: program.username.clone(),
        executable: program.executable.clone(),
        cpu_count: machine.cpu_count,
        cpu_count_logical: machine.cpu_count_logical,
        disk: machine
            .disk
            .iter()
            .map(|(path, disk)| {
                let info = wandb::DiskInfo {
                    total: disk.total,
                    used: disk.used,
                };
                (path.clone(), info)
            })
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

fn relative(path: &str, base: &str) -> String {
    Path::new(path)
        .strip_prefix(base)
        .map_or_else(|_| String::new(), |path| path.display().to_string())
}

/// `name==version` of every installed package found on these paths, by the names of `*.dist-info` folders, sorted.
fn requirements(package_path: &[String]) -> String {
    let mut found = BTreeMap::new();
    for dir in package_path.iter().filter(|dir| !dir.is_empty()) {
        let Ok(entries) = fs::read_dir(dir) else {
            continue;
        };
        for entry in entries.flatten().take(PACKAGES) {
            let name = entry.file_name();
            let Some(name) = name
                .to_str()
                .and_then(|name| name.strip_suffix(".dist-info"))
            else {
                continue;
            };
            if let Some((package, version)) = name.rsplit_once('-') {
                let shown = package.replace('_', "-");
                found
                    .entry(shown.to_lowercase())
                    .or_insert_with(|| format!("{shown}=={version}\n"));
            }
        }
    }
    found.into_values().collect()
}

/// Where a working tree stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Git {
    root: PathBuf,
    remote: String,
    commit: String,
}

/// Read from the files of the repository, so that no `git` is needed.
fn git(start: &Path) -> Option<Git> {
    let root = start.ancestors().find(|dir| dir.join(".git").exists())?;
    let mut git_dir = root.join(".git");
    if git_dir.is_file() {
        // A worktree or submodule: "gitdir: <path>".
        let text = fs::read_to_string(&git_dir).ok()?;
        git_dir = root.join(text.strip_prefix("gitdir:")?.trim());
    }
    let common = fs::read_to_string(git_dir.join("commondir"))
        .map_or_else(|_| git_dir.clone(), |text| git_dir.join(text.trim()));
    let head = fs::read_to_string(git_dir.join("HEAD")).ok()?;
    let commit = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) => fs::read_to_string(common.join(name))
            .map(|text| text.trim().to_owned())
            .ok()
            .or_else(|| packed(&common, name))
            .unwrap_or_default(),
    };
    Some(Git {
        root: root.to_owned(),
        remote: remote(&common).unwrap_or_default(),
        commit,
    })
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(common.join("packed-refs")).ok()?;
    text.lines().find_map(|line| {
        line.strip_suffix(name)?
            .strip_suffix(' ')
            .map(str::to_owned)
    })
}

/// The URL of `origin`, without a password in it.
fn remote(common: &Path) -> Option<String> {
    let text = fs::read_to_string(common.join("config")).ok()?;
    let section = text.split("[remote \"origin\"]").nth(1)?;
    let url = section
        .lines()
        .skip(1)
        .take_while(|line| !line.trim_start().starts_with('['))
        .find_map(|line| {
            line.trim()
                .strip_prefix("url")?
                .trim_start()
                .strip_prefix('=')
        })?
        .trim();
    Some(match (url.split_once("://"), url.rfind('@')) {
        (Some((scheme, rest)), Some(_)) => {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{host}")
        }
        _ => url.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git/refs/heads")).unwrap();
        fs::create_dir_all(dir.path().join("deep/er")).unwrap();
        fs::write(dir.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(dir.path().join(".git/refs/heads/main"), "abc123\n").unwrap();
        fs::write(dir.path().join(".git/config"), config).unwrap();
        dir
    }

    #[test]
    fn the_commit_and_the_remote_are_found_from_a_folder_below() {
        let dir = repository(
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@example.com:a/b.git\n",
        );

        let git = git(&dir.path().join("deep/er")).unwrap();

        assert_eq!(git.root, dir.path());
        assert_eq!(git.commit, "abc123");
        assert_eq!(git.remote, "git@example.com:a/b.git");
    }

    #[test]
    fn a_password_in_the_remote_is_left_out() {
        let dir = repository("[remote \"origin\"]\n\turl = https://me:token@example.com/a/b.git\n");

        assert_eq!(
            git(dir.path()).unwrap().remote,
            "https://example.com/a/b.git"
        );
    }

    #[test]
    fn packages_are_listed_once_sorted_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b_c-2.0.dist-info", "A-1.0.dist-info", "unrelated"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let path = dir.path().display().to_string();

        assert_eq!(
            requirements(&[path.clone(), String::new(), path]),
            "A==1.0\nb-c==2.0\n"
        );
    }
}
