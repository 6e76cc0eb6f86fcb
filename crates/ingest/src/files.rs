//! Files of the run itself: a saved file becomes a link below `files/` beside the journal, where the uploader and W&B's own tools read it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink},
    path::{Path, PathBuf},
};

use wandbd_proto::v1::{self, save};
use wandbd_record::convert::files_record;

/// Links what is there into `folder` and says what of it is to be journaled; `told` gets a sentence for each file that is left out.
/// Blocking.
///
/// # Errors
/// Why the record is refused: a name that leads out of the folder.
pub(crate) fn place(
    folder: &Path,
    mut save: v1::Save,
    told: &mut Vec<String>,
) -> Result<v1::Save, String> {
    files_record(&save).map_err(|error| error.to_string())?;
    save.file.retain(|file| match link(folder, file) {
        Ok(()) => true,
        Err(reason) => {
            told.push(format!("{:?} is not saved: {reason}", file.name));
            false
        }
    });
    Ok(save)
}

fn link(folder: &Path, file: &save::File) -> Result<(), String> {
    let source = Path::new(&file.source);
    let about = fs::metadata(source).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{} does not exist", source.display()),
        _ => format!("cannot read {}: {error}", source.display()),
    })?;
    if about.is_dir() {
        return Err(format!(
            "{} is a directory; save the files in it",
            source.display()
        ));
    }
    let target = folder.join(&file.name);
    if let Ok(there) = fs::symlink_metadata(&target) {
        if there.is_dir() {
            return Err(format!("{} is a directory", target.display()));
        }
        let is_it = (there.dev(), there.ino()) == (about.dev(), about.ino());
        if is_it || is_same_name(source, &target) {
            return Ok(()); // it lies there itself, or it is this link
        }
    }
    make_parents(folder, &file.name)?;
    let beside = temporary(&target);
    let failed = |error: io::Error| format!("cannot make {}: {error}", target.display());
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    symlink(source, &beside).map_err(failed)?;
    fs::rename(&beside, &target).map_err(failed)
}

fn is_same_name(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| path.parent().and_then(|dir| fs::canonicalize(dir).ok());
    one.file_name() == other.file_name() && folder(one) == folder(other)
}

/// Makes the directories above a file. None of them may be a link: it would lead somewhere else.
pub(crate) fn make_parents(folder: &Path, name: &str) -> Result<(), String> {
    let mut dir = folder.to_owned();
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in std::iter::once("").chain(parts) {
        if !part.is_empty() {
            dir.push(part);
        }
        let made = fs::DirBuilder::new().mode(0o700).create(&dir);
        let is_dir = || fs::symlink_metadata(&dir).is_ok_and(|about| about.is_dir());
        match made {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_dir() => {}
            Err(error) => return Err(format!("cannot make {}: {error}", dir.display())),
        }
    }
    Ok(())
}

pub(crate) fn temporary(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".wandbd-link");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(name: &str, source: &Path) -> v1::Save {
        v1::Save {
            file: vec![save::File {
                name: name.into(),
                source: source.display().to_string(),
            }],
            ..v1::Save::default()
        }
    }

    #[test]
    fn a_saved_file_is_a_link_in_folders_made_for_it_and_a_later_one_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("files");
        let mut told = Vec::new();
        for text in ["one", "two"] {
            let source = dir.path().join(text);
            fs::write(&source, text).unwrap();

            let kept = place(&folder, save("a/b/c.txt", &source), &mut told).unwrap();

            assert_eq!(kept.file.len(), 1);
            assert_eq!(fs::read_to_string(folder.join("a/b/c.txt")).unwrap(), text);
            assert_eq!(fs::read_link(folder.join("a/b/c.txt")).unwrap(), source);
        }
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn a_file_that_is_not_there_is_told_by_name_and_the_others_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("there");
        fs::write(&source, "x").unwrap();
        let mut both = save("lost.txt", &dir.path().join("nowhere"));
        both.file.extend(save("kept.txt", &source).file);
        both.file.extend(save("dir", dir.path()).file);
        let mut told = Vec::new();

        let kept = place(&dir.path().join("files"), both, &mut told).unwrap();

        let names: Vec<_> = kept.file.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["kept.txt"]);
        assert!(told[0].contains("lost.txt") && told[0].contains("nowhere does not exist"));
        assert!(told[1].contains("is a directory"), "{told:?}");
    }

    #[test]
    fn nothing_is_linked_outside_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, outside) = (dir.path().join("files"), dir.path().join("outside"));
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(&outside).unwrap();
        symlink(&outside, folder.join("out")).unwrap();
        let source = dir.path().join("x");
        fs::write(&source, "x").unwrap();
        let mut told = Vec::new();

        place(&folder, save("out/x", &source), &mut told).unwrap();
        let refused = place(&folder, save("../x", &source), &mut told);

        assert!(refused.is_err());
        assert_eq!(told.len(), 1);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_lies_in_the_folder_already_stays_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("files");
        fs::create_dir_all(&folder).unwrap();
        let own = folder.join("model.h5");
        fs::write(&own, "weights").unwrap();

        let link = folder.join("link.h5");
        symlink(&own, &link).unwrap();

        place(&folder, save("model.h5", &own), &mut Vec::new()).unwrap();
        place(&folder, save("link.h5", &link), &mut Vec::new()).unwrap();

        assert!(!fs::symlink_metadata(&own).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&own).unwrap(), "weights");
        assert_eq!(fs::read_link(&link).unwrap(), own);
    }
}
