//! The script, and what of the repository is not committed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use wandbd_proto::v1;

use super::{
    below,
    git::Git,
    process::{self, Limits},
    script_path,
};

/// How long one `git` may take: a large working tree on a slow disk needs its time, and nobody waits for it.
const GIT_TIME: Duration = Duration::from_mins(1);
/// A patch above this size is data, not code.
const PATCH_BYTES: u64 = 64 << 20;
/// A script above this size is none.
const SCRIPT_BYTES: u64 = 16 << 20;

/// The script as the page names it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    path: Option<PathBuf>,
    /// Seen from the repository, or from the working directory where there is none; empty when it lies elsewhere.
    pub(super) in_repository: String,
    /// Seen from the working directory; empty when it lies elsewhere.
    pub(super) in_directory: String,
}

impl Script {
    pub(super) fn of(program: &v1::Program, git: Option<&Git>) -> Self {
        let cwd = Path::new(&program.cwd);
        let path = script_path(program);
        let seen_from = |base: &Path| {
            let path = path.as_deref();
            path.and_then(|path| below(path, base)).unwrap_or_default()
        };
        Self {
            in_repository: seen_from(git.map_or(cwd, |git| &git.root)),
            in_directory: seen_from(cwd),
            path,
        }
    }

    /// Copies the script below `dir`; its name there, or `None` when there is nothing to keep.
    pub(super) fn keep(&self, dir: &Path) -> Option<String> {
        let path = self.path.as_deref()?;
        if self.in_repository.is_empty() {
            return None;
        }
        let name = format!("code/{}", self.in_repository);
        let target = dir.join(&name);
        let copied = || -> io::Result<bool> {
            let meta = fs::metadata(path)?;
            if !meta.is_file() || meta.len() > SCRIPT_BYTES {
                return Ok(false);
            }
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(path, &target).map(|_| true)
        };
        match copied() {
            Ok(true) => Some(name),
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(script = %path.display(), %error, "script not saved");
                None
            }
        }
    }
}

/// Writes `diff.patch` (against HEAD) and `diff_<commit>.patch` (against the upstream branch) into `dir`; the names of those that are
/// not empty.
pub(super) fn patches(git: &Git, dir: &Path, unwanted: &dyn Fn() -> bool) -> Vec<String> {
    let limits = Limits {
        time: GIT_TIME,
        bytes: PATCH_BYTES,
        unwanted,
    };
    let mut found = Vec::new();
    if save(git, "HEAD", &dir.join("diff.patch"), limits) {
        found.push("diff.patch".to_owned());
    }
    let mut upstream = command(git);
    upstream.args(["rev-parse", "--verify", "--quiet", "@{upstream}"]);
    let scratch = dir.join(".upstream");
    let commit = process::say(&mut upstream, &scratch, limits)
        .ok()
        .filter(|commit| commit.len() >= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()));
    if let Some(commit) = commit {
        let name = format!("diff_{commit}.patch");
        if save(git, &commit, &dir.join(&name), limits) {
            found.push(name);
        }
    }
    found
}

/// Writes the difference between `base` and the working tree; false, and no file, when there is none or it cannot be had.
fn save(git: &Git, base: &str, path: &Path, limits: Limits<'_>) -> bool {
    let mut diff = command(git);
    diff.args([
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--submodule=diff",
        base,
    ]);
    let done = process::into_file(&mut diff, path, limits);
    if let Err(error) = &done {
        // No git, no commit yet, a broken repository: all of that is fine.
        tracing::info!(root = %git.root.display(), base, %error, "no diff saved");
    }
    let saved = done.is_ok() && fs::metadata(path).is_ok_and(|meta| meta.len() > 0);
    if !saved && let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "no empty patch to remove");
    }
    saved
}

/// `git` in the working tree: it asks for nothing, locks nothing, and starts nothing of its own.
fn command(git: &Git) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(&git.root)
        .args(["-c", "core.fsmonitor=false"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_git(dir: &Path, words: &[&str]) {
        let done = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args(["-c", "user.name=n", "-c", "user.email=e"])
            .args(words)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// A repository with one commit that is upstream, one that is not, and a change that is in none.
    fn repository(dir: &Path) -> Git {
        let [upstream, work] = ["up", "work"].map(|name| dir.join(name));
        fs::create_dir_all(work.join("sub")).unwrap();
        run_git(dir, &["init", "-q", "--bare", "-b", "main", "up"]);
        run_git(dir, &["init", "-q", "-b", "main", "work"]);
        let script = work.join("sub/train.py");
        fs::write(&script, "one\n").unwrap();
        run_git(&work, &["add", "."]);
        run_git(&work, &["commit", "-qm", "one"]);
        run_git(
            &work,
            &["remote", "add", "up", &upstream.display().to_string()],
        );
        run_git(&work, &["push", "-q", "-u", "up", "main"]);
        fs::write(&script, "one\ntwo\n").unwrap();
        run_git(&work, &["commit", "-qam", "two"]);
        fs::write(&script, "one\ntwo\nthree\n").unwrap();
        Git::find(&work.join("sub")).unwrap()
    }

    #[test]
    fn what_is_not_committed_and_what_is_not_upstream_become_two_patches() {
        let dir = tempfile::tempdir().unwrap();
        let git = repository(dir.path());
        let files = dir.path().join("files");
        fs::create_dir(&files).unwrap();

        let found = patches(&git, &files, &|| false);

        assert_eq!(found.len(), 2, "{found:?}");
        let of_head = fs::read_to_string(files.join("diff.patch")).unwrap();
        assert!(of_head.contains("+three") && !of_head.contains("+two"));
        let of_upstream = fs::read_to_string(files.join(&found[1])).unwrap();
        assert!(of_upstream.contains("+two") && of_upstream.contains("+three"));
        assert_eq!(fs::read_dir(&files).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_no_repository_gives_no_patches_and_leaves_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let git = Git {
            root: dir.path().join("gone"),
            remote: String::new(),
            commit: String::new(),
        };

        assert!(patches(&git, dir.path(), &|| false).is_empty());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_script_is_named_from_the_repository_and_kept_under_that_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/train.py"), "print()").unwrap();
        let git = Git {
            root: root.clone(),
            remote: String::new(),
            commit: String::new(),
        };
        let program = v1::Program {
            path: "train.py".into(),
            cwd: root.join("sub").display().to_string(),
            ..v1::Program::default()
        };

        let script = Script::of(&program, Some(&git));
        let name = script.keep(&dir.path().join("files")).unwrap();

        assert_eq!(script.in_repository, "sub/train.py");
        assert_eq!(script.in_directory, "train.py");
        assert_eq!(name, "code/sub/train.py");
        let kept = fs::read_to_string(dir.path().join("files").join(name)).unwrap();
        assert_eq!(kept, "print()");
    }

    #[test]
    fn a_module_or_a_prompt_has_no_script() {
        let program = v1::Program {
            path: "-m pytest".into(),
            cwd: "/".into(),
            ..v1::Program::default()
        };

        let script = Script::of(&program, None);

        assert_eq!(script, Script::default());
        assert_eq!(script.keep(Path::new("/nowhere")), None);
    }
}
