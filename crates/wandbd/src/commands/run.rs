//! `wandbd run`: a program with wandbd in the place of `wandb`, for it and its children.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::Outcome;
use crate::{cli::RunArgs, config::environment};

/// Becomes the program. Returns only if that is not possible.
pub(crate) fn run(args: &RunArgs) -> Outcome {
    let (name, arguments) = args
        .command
        .split_first()
        .ok_or("which program? wandbd run python train.py")?;
    let here = std::env::current_exe()?.canonicalize()?;
    let folder = stand_in(&here).ok_or_else(|| {
        format!(
            "{} does not lie in the Python package, which has what is put in the place of wandb: use `python -m wandbd.run`",
            here.display()
        )
    })?;
    let error = Command::new(name)
        .args(arguments)
        .env("PYTHONPATH", before(&folder, environment("PYTHONPATH"))?)
        .exec();
    Err(format!("cannot run {}: {error}", name.display()).into())
}

/// The folder with a package `wandb` that gives wandbd: beside the folder of this program.
fn stand_in(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?.parent()?.join("_stand_in");
    folder.join("wandb/__init__.py").is_file().then_some(folder)
}

/// PYTHONPATH with the folder at its front, once.
fn before(folder: &Path, paths: Option<OsString>) -> Result<OsString, std::env::JoinPathsError> {
    let paths = paths.unwrap_or_default();
    let others =
        std::env::split_paths(&paths).filter(|path| path != folder && !path.as_os_str().is_empty());
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_comes_first_and_once() {
        let folder = Path::new("/pkg/_stand_in");
        let front = |paths: &str| before(folder, Some(paths.into())).unwrap();

        assert_eq!(before(folder, None).unwrap(), "/pkg/_stand_in");
        assert_eq!(front("/a:/pkg/_stand_in:/b"), "/pkg/_stand_in:/a:/b");
        assert_eq!(front(""), "/pkg/_stand_in");
    }

    #[test]
    fn the_package_is_found_beside_the_program_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("wandbd/bin/wandbd");
        assert_eq!(stand_in(&program), None);

        let folder = dir.path().join("wandbd/_stand_in");
        std::fs::create_dir_all(folder.join("wandb")).unwrap();
        std::fs::write(folder.join("wandb/__init__.py"), "").unwrap();
        assert_eq!(stand_in(&program), Some(folder));
    }
}
