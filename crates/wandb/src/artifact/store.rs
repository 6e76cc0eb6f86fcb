//! Files of a version on this machine: each appears under its name when it is whole and its digest is right.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use tokio::sync::mpsc;

use crate::shipment::hex;

/// Read from a file at once, in bytes.
const CHUNK: usize = 256 << 10;

/// What a file has to be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Base64 of the MD5; `None` where the digest is of another kind.
    pub(super) md5: Option<String>,
    pub(super) size: Option<u64>,
}

/// A place below `root`; `None` when the path leads out of it.
pub(super) fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let inside = Path::new(path).components();
    let mut target = root.to_owned();
    let mut any = false;
    for part in inside {
        match part {
            Component::Normal(name) => {
                target.push(name);
                any = true;
            }
            Component::CurDir => {}
            _ => return None,
        }
    }
    any.then_some(target)
}

/// Where the released client keeps content of this digest.
pub(super) fn cached(cache: &Path, md5: &str) -> Option<PathBuf> {
    let hex = hex(&STANDARD.decode(md5).ok()?);
    let (front, rest) = hex.split_at_checked(2)?;
    Some(cache.join("obj/md5").join(front).join(rest))
}

impl Expected {
    fn check(&self, size: u64, md5: &[u8]) -> io::Result<()> {
        if self.size.is_some_and(|expected| expected != size) {
            let expected = self.size.unwrap_or_default();
            let text = format!("{size} bytes came instead of {expected}");
            return Err(io::Error::other(text));
        }
        match &self.md5 {
            Some(expected) if *expected != STANDARD.encode(md5) => {
                let text = format!("its digest is {}, not {expected}", STANDARD.encode(md5));
                Err(io::Error::other(text))
            }
            _ => Ok(()),
        }
    }

    /// The file is there already. Blocks.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let Ok(about) = std::fs::metadata(path) else {
            return false;
        };
        if !about.is_file() || self.size.is_some_and(|size| size != about.len()) {
            return false;
        }
        let digest = File::open(path).and_then(|file| copy(file, &mut io::sink()));
        self.md5.is_some() && digest.is_ok_and(|(size, md5)| self.check(size, &md5).is_ok())
    }

    /// Brings it here from `from` on this machine; an error means that it is not the right one. Blocks.
    pub(super) fn copy(&self, from: &Path, target: &Path) -> io::Result<()> {
        appear(target, |file| {
            let (size, md5) = copy(File::open(from)?, file)?;
            self.check(size, &md5)
        })
    }

    /// Writes what comes until `None` says that this was all. Blocks.
    pub(super) fn write(
        &self,
        target: &Path,
        chunks: &mut mpsc::Receiver<Option<Bytes>>,
    ) -> io::Result<()> {
        appear(target, |file| {
            let mut md5 = Md5::new();
            let mut size = 0;
            loop {
                match chunks.blocking_recv() {
                    Some(Some(chunk)) => {
                        md5.update(&chunk);
                        size += chunk.len() as u64;
                        file.write_all(&chunk)?;
                    }
                    Some(None) => return self.check(size, &md5.finalize()),
                    None => return Err(io::ErrorKind::Interrupted.into()),
                }
            }
        })
    }
}

fn copy(mut from: File, to: &mut dyn Write) -> io::Result<(u64, [u8; 16])> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let bytes = from.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..bytes).filter(|chunk| !chunk.is_empty()) else {
            return Ok((size, md5.finalize().into()));
        };
        md5.update(chunk);
        to.write_all(chunk)?;
        size += bytes as u64;
    }
}

/// Lets a file appear when `fill` has succeeded.
fn appear(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = std::ffi::OsString::from(".wandbd-");
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    name.push(format!("{}-{count}", std::process::id()));
    let beside = target.with_file_name(name);
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::with_capacity(CHUNK, file);
        fill(&mut out)?;
        out.flush()?;
        std::fs::rename(&beside, target)
    });
    if written.is_err() {
        std::fs::remove_file(&beside).ok();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let root = Path::new("/data");
        assert_eq!(below(root, "a/./b.txt"), Some("/data/a/b.txt".into()));
        for path in ["", ".", "/etc/passwd", "../x", "a/../../x"] {
            assert_eq!(below(root, path), None, "{path}");
        }
    }

    #[test]
    fn a_wrong_file_never_appears_and_a_right_one_is_recognized() {
        let folder = tempfile::tempdir().unwrap();
        let (from, target) = (folder.path().join("from"), folder.path().join("d/to"));
        std::fs::write(&from, "hello").unwrap();
        let right = Expected {
            md5: Some("XUFAKrxLKna5cZ2REBfFkg==".into()),
            size: Some(5),
        };
        let wrong = Expected {
            md5: Some("1B2M2Y8AsgTpgAmY7PhCfg==".into()),
            ..right.clone()
        };

        let error = wrong.copy(&from, &target).unwrap_err();
        assert!(error.to_string().contains("digest"), "{error}");
        assert_eq!(
            std::fs::read_dir(folder.path().join("d")).unwrap().count(),
            0
        );

        right.copy(&from, &target).unwrap();
        assert!(right.is_at(&target) && !wrong.is_at(&target));
        let cache = cached(Path::new("/c"), "XUFAKrxLKna5cZ2REBfFkg==");
        assert_eq!(
            cache,
            Some("/c/obj/md5/5d/41402abc4b2a76b9719d911017c592".into())
        );
    }
}
