//! Which journals a person means: files, folders of runs, folders that hold such folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How deep folders are searched for journals: `wandb/run-x/run-x.wandb` from a project's folder, and one more.
const DEPTH: usize = 4;
/// Where other SDKs keep what they record online; the server has it already.
const ONLINE: &str = "run-";

/// A choice of runs by their ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// None: all.
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
}

impl Choice {
    pub(crate) fn takes(&self, run_id: &str) -> bool {
        let any = |globs: &[String]| globs.iter().any(|glob| matches(glob, run_id));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// What is at or below a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// In the order of their names.
    pub(crate) journals: Vec<PathBuf>,
    /// Folders of runs that were recorded online, and are left out.
    pub(crate) online: usize,
    /// New runs may appear here: it is a folder of folders.
    pub(crate) is_shelf: bool,
}

/// Journals at or below `path`. A file, and the folder of one run, are taken as they are; where a folder of folders is searched, what was
/// recorded online counts only if `online`.
pub(crate) fn find(path: &Path, online: bool) -> Result<Found, String> {
    let meta =
        fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if meta.is_file() {
        return Ok(Found {
            journals: vec![path.to_owned()],
            ..Found::default()
        });
    }
    let mut journals = Vec::new();
    search(path, 1, &mut journals);
    if !journals.is_empty() {
        journals.sort();
        return Ok(Found {
            journals,
            ..Found::default()
        });
    }
    search(path, DEPTH, &mut journals);
    journals.sort();
    let before = journals.len();
    journals.retain(|journal| online || !is_online(journal));
    Ok(Found {
        online: before - journals.len(),
        journals,
        is_shelf: true,
    })
}

/// By the folder's name.
fn is_online(journal: &Path) -> bool {
    journal
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(ONLINE))
}

fn search(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        // Links, such as `latest-run`, lead to what is found anyway.
        if kind.is_dir() && depth > 1 {
            search(&path, depth - 1, found);
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "wandb")
        {
            found.push(path);
        }
    }
}

/// `*` is any text, `?` any character.
fn matches(glob: &str, text: &str) -> bool {
    let mut globs = glob.chars();
    match globs.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = globs.as_str();
            let tails = text.char_indices().map(|(at, _)| &text[at..]);
            tails.chain([""]).any(|tail| matches(rest, tail))
        }
        Some(wanted) => {
            let mut texts = text.chars();
            texts.next().is_some_and(|is| wanted == '?' || wanted == is)
                && matches(globs.as_str(), texts.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    #[test]
    fn a_file_and_the_folder_of_one_run_are_taken_as_they_are() {
        let dir = folder(&["run-1-a/run-a.wandb", "run-1-a/files/config.yaml"]);
        let run = dir.path().join("run-1-a");

        for path in [&run, &run.join("run-a.wandb")] {
            let found = find(path, false).unwrap();
            assert_eq!(found.journals, [run.join("run-a.wandb")]);
            assert!(!found.is_shelf);
        }
    }

    #[test]
    fn a_folder_of_runs_gives_what_was_recorded_offline_unless_all_is_asked_for() {
        let dir = folder(&[
            "wandb/offline-run-1-a/run-a.wandb",
            "wandb/run-2-b/run-b.wandb",
        ]);

        let offline = find(dir.path(), false).unwrap();
        let all = find(dir.path(), true).unwrap();

        assert_eq!(offline.journals.len(), 1);
        assert_eq!((offline.online, offline.is_shelf), (1, true));
        assert_eq!((all.journals.len(), all.online), (2, 0));
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = find(Path::new("/no/such/run"), false).unwrap_err();

        assert!(error.contains("/no/such/run"), "{error}");
    }

    #[test]
    fn runs_are_chosen_by_their_ids() {
        let choice = Choice {
            include: vec!["a*".into(), "b?".into()],
            exclude: vec!["*x".into()],
        };

        let taken: Vec<_> = ["a", "abc", "ax", "b1", "b", "c"]
            .into_iter()
            .filter(|id| choice.takes(id))
            .collect();

        assert_eq!(taken, ["a", "abc", "b1"]);
        assert!(Choice::default().takes("anything"));
    }
}
