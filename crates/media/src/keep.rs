//! Files of the `made/` folder: written under a name of their own, synced, then renamed, so that what has its name is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;
use wandbd_record::v1;

use crate::error::MediaError;

const BLOCK: usize = 1 << 16;

/// Both digests and the length of what goes by.
#[derive(Default)]
struct Sums {
    sha256: Sha256,
    md5: Md5,
    size: u64,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn file(self, path: &Path) -> v1::made::File {
        v1::made::File {
            source: path.to_string_lossy().into_owned(),
            sha256: hex(&self.sha256.finalize()),
            md5: STANDARD.encode(self.md5.finalize()),
            size: self.size,
        }
    }
}

/// A file in the making.
pub(crate) struct Draft {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    sums: Sums,
}

impl Draft {
    pub(crate) fn new(path: &Path) -> Result<Self, MediaError> {
        let part = part(path);
        let failed = |source| MediaError::write(&part, source);
        remove(&part).map_err(failed)?;
        let file = File::create_new(&part).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(BLOCK, file),
            sums: Sums::default(),
            part: part.clone(),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.sums.add(bytes);
        self.file
            .write_all(bytes)
            .map_err(|source| MediaError::write(&self.part, source))
    }

    pub(crate) fn finish(self) -> Result<v1::made::File, MediaError> {
        let Self {
            path,
            part,
            file,
            sums,
        } = self;
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_data())
            .and_then(|()| fs::rename(&part, &path))
            .map_err(|source| MediaError::write(&path, source))?;
        Ok(sums.file(&path))
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<v1::made::File, MediaError> {
    let mut draft = Draft::new(path)?;
    draft.write(bytes)?;
    draft.finish()
}

/// Takes a file over: a private one by a second name, another one by a copy.
pub(crate) fn take(source: &v1::media::Source, path: &Path) -> Result<v1::made::File, MediaError> {
    let from = Path::new(&source.path);
    let found = fs::metadata(from).and_then(|facts| {
        if facts.is_file() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ))
        }
    });
    match found {
        // It was taken before, and its own name is gone since.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && source.staged && path.is_file() => {}
        Err(error) => return Err(MediaError::read(from, error)),
        Ok(()) => {
            let part = part(path);
            remove(&part).map_err(|error| MediaError::write(&part, error))?;
            let linked = source.staged && fs::hard_link(from, &part).is_ok();
            if !linked {
                fs::copy(from, &part).map_err(|error| MediaError::read(from, error))?;
            }
            File::open(&part)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&part, path))
                .and_then(|()| remove(&part))
                .map_err(|error| MediaError::write(path, error))?;
        }
    }
    sums(path).map_err(|error| MediaError::read(path, error))
}

fn sums(path: &Path) -> io::Result<v1::made::File> {
    let mut file = File::open(path)?;
    let mut sums = Sums::default();
    let mut block = vec![0; BLOCK * 4];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(sums.file(path));
        }
        sums.add(&block[..read]);
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The MD5 of a file in hexadecimal.
pub(crate) fn md5_hex(file: &v1::made::File) -> String {
    STANDARD
        .decode(&file.md5)
        .map(|bytes| hex(&bytes))
        .unwrap_or_default()
}

fn part(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push("..part");
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
