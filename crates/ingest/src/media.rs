//! Files of media get the places below `files/` that rows name: hard links, so that W&B's own tools find them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use wandbd_record::made::Linked;

use crate::files::{make_parents, temporary};

/// Links all of them below `folder`, on disk when this returns; `told` gets a sentence for each that cannot be. Blocking.
///
/// # Errors
/// When the disk is full: all can be linked later.
pub(crate) fn link(folder: &Path, media: &[Linked], told: &mut Vec<String>) -> io::Result<()> {
    let mut dirs = BTreeSet::new();
    for one in media {
        match place(folder, one) {
            Ok(target) => dirs.extend(parents(folder, &target)),
            Err(Fault::Full(error)) => return Err(error),
            Err(Fault::Other(reason)) => {
                told.push(format!("{:?} is not saved: {reason}", one.name));
            }
        }
    }
    for dir in dirs {
        File::open(&dir)?.sync_all()?;
    }
    Ok(())
}

enum Fault {
    Full(io::Error),
    Other(String),
}

impl Fault {
    fn of(error: io::Error, target: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error),
            _ => Self::Other(format!("cannot make {}: {error}", target.display())),
        }
    }
}

/// Makes the link; nothing when it is there already.
fn place(folder: &Path, one: &Linked) -> Result<PathBuf, Fault> {
    let source = Path::new(&one.source);
    let target = folder.join(&one.name);
    if let (Ok(there), Ok(about)) = (fs::symlink_metadata(&target), fs::metadata(source))
        && (there.dev(), there.ino()) == (about.dev(), about.ino())
    {
        return Ok(target);
    }
    make_parents(folder, &one.name).map_err(Fault::Other)?;
    match fs::hard_link(source, &target) {
        Ok(()) => return Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Fault::of(error, &target));
        }
        // Something lies there, or the file system knows no links.
        Err(_) => {}
    }
    let beside = temporary(&target);
    let made = fs::remove_file(&beside)
        .or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .and_then(|()| fs::hard_link(source, &beside).or_else(|_| copy(source, &beside)))
        .and_then(|()| fs::rename(&beside, &target));
    made.map_err(|error| Fault::of(error, &target))?;
    Ok(target)
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target)?;
    File::open(target)?.sync_data()
}

/// The folders whose entries lead to `target`.
fn parents(folder: &Path, target: &Path) -> Vec<PathBuf> {
    let above = folder.parent().unwrap_or(folder);
    let inside = |dir: &&Path| dir.starts_with(above);
    target
        .ancestors()
        .skip(1)
        .take_while(inside)
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(name: &str, source: &Path) -> Linked {
        Linked {
            name: name.into(),
            source: source.display().to_string(),
        }
    }

    #[test]
    fn a_media_file_has_two_names_and_a_later_one_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("files");
        let mut told = Vec::new();
        for text in ["one", "two"] {
            let source = dir.path().join(text);
            fs::write(&source, text).unwrap();
            let all = [linked("media/images/a/b_1.png", &source)];

            link(&folder, &all, &mut told).unwrap();
            link(&folder, &all, &mut told).unwrap();

            let target = folder.join("media/images/a/b_1.png");
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
            assert_eq!(
                fs::metadata(&target).unwrap().ino(),
                fs::metadata(&source).unwrap().ino()
            );
        }
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn what_cannot_be_linked_is_told_by_name_and_the_others_are_linked() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("files");
        let source = dir.path().join("there");
        fs::write(&source, "x").unwrap();
        let mut told = Vec::new();
        let all = [
            linked("media/gone.png", &dir.path().join("gone")),
            linked("media/there.png", &source),
        ];

        link(&folder, &all, &mut told).unwrap();

        assert!(told.len() == 1 && told[0].contains("gone.png"), "{told:?}");
        assert!(folder.join("media/there.png").exists());
    }
}
