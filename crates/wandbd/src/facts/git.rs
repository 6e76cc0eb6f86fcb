//! Where a working tree stands, read from the files of the repository: no `git` is needed for that.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Git {
    /// Its topmost folder.
    pub(super) root: PathBuf,
    /// Address of `origin`, without user and password; empty when there is none.
    pub(super) remote: String,
    /// What is checked out; empty before the first commit.
    pub(super) commit: String,
}

impl Git {
    /// The working tree that `start` lies in.
    pub(super) fn find(start: &Path) -> Option<Self> {
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
        Some(Self {
            root: root.to_owned(),
            remote: remote(&common).unwrap_or_default(),
            commit,
        })
    }
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
    Some(without_password(url))
}

/// An address without the user and the password before its host: either of them may be a token.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest
        .find('/')
        .map_or((rest, ""), |slash| rest.split_at(slash));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
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

        let git = Git::find(&dir.path().join("deep/er")).unwrap();

        assert_eq!(git.root, dir.path());
        assert_eq!(git.commit, "abc123");
        assert_eq!(git.remote, "git@example.com:a/b.git");
    }

    #[test]
    fn a_commit_that_was_packed_is_found() {
        let dir = repository("");
        fs::remove_file(dir.path().join(".git/refs/heads/main")).unwrap();
        fs::write(
            dir.path().join(".git/packed-refs"),
            "# pack-refs with: peeled\nfed321 refs/heads/main\n",
        )
        .unwrap();

        assert_eq!(Git::find(dir.path()).unwrap().commit, "fed321");
    }

    #[test]
    fn a_password_in_the_remote_is_left_out() {
        let dir = repository("[remote \"origin\"]\n\turl = https://me:token@example.com/a/b.git\n");

        assert_eq!(
            Git::find(dir.path()).unwrap().remote,
            "https://example.com/a/b.git"
        );
        assert_eq!(
            without_password("https://token@h:8080/a@b"),
            "https://h:8080/a@b"
        );
    }
}
