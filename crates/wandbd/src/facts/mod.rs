//! What a run's page says about its surroundings: `wandb-metadata.json`, `requirements.txt`, the state of git, the script.
//!
//! The stub sends what only it knows; packages, git and hardware are read here, once, after the run was opened. Nothing of this holds up
//! a run's rows, and nothing of it is an error of the run: a repository that cannot be read, or a `git` that is not installed, is left out.
//!
//! Limits: 60 s for one `git`, 64 MiB for one patch, 16 MiB for the script, 10,000 packages a folder.

mod code;
mod environment;
mod git;
mod look;
mod process;
mod requirements;

use std::{fs, io, path::Path, path::PathBuf};

use wandbd_ingest::{IngestError, RunLog};
use wandbd_journal::Urgency;
use wandbd_proto::{v1, wandb, wandb::record::RecordType};
use wandbd_record::json::str_text;
use wandbd_sampler::Machine;

use self::{code::Script, git::Git};

/// Writes the files beside the journal and the records into it; blocking. A run that has them already (adopted) is left alone.
pub(crate) fn gather(run: &RunLog, machine: &Machine) -> Result<(), IngestError> {
    let open = run.open();
    let program = open.program.clone().unwrap_or_default();
    let secondary = open.shared.as_ref().is_some_and(|shared| !shared.primary);
    let dir = run.path().parent().unwrap_or(Path::new(".")).join("files");
    if run.has_ended() || secondary || dir.join("requirements.txt").exists() {
        return Ok(());
    }
    let io_error = |action: &'static str| {
        let path = dir.clone();
        move |source| IngestError::Io {
            action,
            path,
            source,
        }
    };
    // W&B's own `wandb sync` writes its files there, and makes no folder for them.
    fs::create_dir_all(&dir).map_err(io_error("make"))?;
    // No paths: nobody wants to know.
    let listed = !program.package_path.is_empty();
    if listed {
        write(
            &dir.join("requirements.txt"),
            &requirements::list(&program.package_path),
        )
        .map_err(io_error("write requirements.txt into"))?;
    }
    let git = if program.disable_git {
        None
    } else {
        Git::find(Path::new(&program.cwd))
    };
    let script = Script::of(&program, git.as_ref());
    let mut records = Vec::new();
    if !program.disable_metadata && !program.disable_machine_info {
        let writer = run.opened().session.clone();
        let facts = environment::record(&open, &program, machine, git.as_ref(), &script, writer);
        records.push(record(RecordType::Environment(facts)));
    }
    if listed {
        records.push(files(vec!["requirements.txt".into()]));
    }
    if !records.is_empty() {
        run.append_own(records, Urgency::Normal)?;
    }
    if open.save_code && !program.disable_machine_info {
        save_code(run, &dir, &script, git.as_ref())?;
    }
    Ok(())
}

/// The script and the patches, each as soon as it is there.
fn save_code(
    run: &RunLog,
    dir: &Path,
    script: &Script,
    git: Option<&Git>,
) -> Result<(), IngestError> {
    if let Some(name) = script.keep(dir) {
        let place = record(RecordType::Config(code_path(&name)));
        run.append_own(vec![place, files(vec![name])], Urgency::Normal)?;
    }
    let Some(git) = git else { return Ok(()) };
    let patches = code::patches(git, dir, &|| run.has_ended());
    if !patches.is_empty() && !run.has_ended() {
        run.append_own(vec![files(patches)], Urgency::Normal)?;
    }
    Ok(())
}

/// Where the script lies among the run's files, for the page.
fn code_path(name: &str) -> wandb::ConfigRecord {
    wandb::ConfigRecord {
        update: vec![wandb::ConfigItem {
            key: String::new(),
            nested_key: vec!["_wandb".into(), "code_path".into()],
            value_json: str_text(name),
        }],
        ..wandb::ConfigRecord::default()
    }
}

fn files(names: Vec<String>) -> wandb::Record {
    let item = |path| wandb::FilesItem {
        path,
        policy: wandb::files_item::PolicyType::Now.into(),
        r#type: wandb::files_item::FileType::Wandb.into(),
    };
    record(RecordType::Files(wandb::FilesRecord {
        files: names.into_iter().map(item).collect(),
    }))
}

fn record(kind: RecordType) -> wandb::Record {
    wandb::Record {
        record_type: Some(kind),
        ..wandb::Record::default()
    }
}

/// Writes a file and the folders above it.
fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}

/// `path` seen from `base`, with slashes; `None` when it lies elsewhere.
fn below(path: &Path, base: &Path) -> Option<String> {
    let path = path.strip_prefix(base).ok()?;
    let parts: Option<Vec<_>> = path.iter().map(|part| part.to_str()).collect();
    parts
        .filter(|parts| !parts.is_empty() && !parts.contains(&".."))
        .map(|parts| parts.join("/"))
}

/// The script, or the notebook, as an absolute path.
fn script_path(program: &v1::Program) -> Option<PathBuf> {
    [&program.code_path, &program.notebook, &program.path]
        .into_iter()
        .filter(|name| !name.is_empty() && !name.starts_with("-m "))
        .map(|name| Path::new(&program.cwd).join(name))
        .find_map(|path| fs::canonicalize(&path).ok().map(|_| lexical(&path)))
}

/// Without `.` and `..`, and without following links: names stay those that the user knows.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_from_above_it_and_from_nowhere_else() {
        let base = Path::new("/home/me/project");

        let inside = below(Path::new("/home/me/project/sub/train.py"), base);

        assert_eq!(inside.as_deref(), Some("sub/train.py"));
        assert_eq!(below(Path::new("/home/me/other.py"), base), None);
        assert_eq!(below(base, base), None);
    }

    #[test]
    fn dots_in_a_path_are_resolved_without_following_links() {
        assert_eq!(lexical(Path::new("/a/./b/../c.py")), Path::new("/a/c.py"));
    }
}
