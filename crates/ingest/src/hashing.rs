//! The files of an accepted artifact, read once: their digests, and the W&B record made of them.

use std::{
    collections::HashSet,
    fs::{self, File, Metadata},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use wandbd_proto::{
    v1::{self, artifact::File as Given},
    wandb::{self, record::RecordType},
};
use wandbd_record::{
    BadArtifact, BadJson, BadTemplate,
    convert::{Content, HashedFile, artifact_record, run_record, said_of},
    made::{Makings, in_artifact},
    note,
};
use wandbd_run::Shelf;

/// Bytes read at once.
const BLOCK: usize = 1 << 20;
/// Files that are read at once.
const READERS: usize = 4;

/// Why an artifact cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("cannot read {path}")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path} is no file")]
    NoFile { path: String },
    #[error(
        "{path} was changed after it was handed over ({before} bytes then, {now} now): log the file again, or with policy \"mutable\""
    )]
    Changed { path: String, before: u64, now: u64 },
    #[error("{path} was changed while it was read: log the file again, or with policy \"mutable\"")]
    Unsteady { path: String },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Refused(#[from] BadArtifact),
    #[error("the object at {path:?} is refused")]
    Object {
        path: String,
        #[source]
        source: BadTemplate,
    },
    #[error("the object at {path:?} is refused")]
    Json {
        path: String,
        #[source]
        source: BadJson,
    },
    #[error(transparent)]
    Run(#[from] wandbd_record::BadRecord),
}

impl HashError {
    /// The disk is at fault, which may be better later.
    pub(crate) fn is_disk(&self) -> bool {
        matches!(self, Self::Write { .. })
    }
}

/// An artifact that is to be hashed, with what it takes.
pub(crate) struct Hashing {
    pub(crate) artifact: v1::Artifact,
    pub(crate) open: v1::OpenRun,
    /// The media that it may name.
    pub(crate) shelf: Shelf,
    /// Where the daemon's own files go.
    pub(crate) made_dir: PathBuf,
}

impl Hashing {
    /// Reads every file once and makes the record; blocking.
    pub(crate) fn run(&self) -> Result<wandb::Record, HashError> {
        let artifact = &self.artifact;
        let mut plan = Plan::default();
        for (number, file) in artifact.file.iter().enumerate() {
            if file.media.is_empty() {
                plan.add(file);
            } else {
                self.expand(number, file, &mut plan)?;
            }
        }
        plan.read_all()?;
        let made = artifact_record(&run_record(&self.open)?, artifact, &plan.files)?;
        let mut record = note::record(RecordType::Artifact(made));
        note::set_note(
            &mut record,
            v1::Note {
                artifact_client_id: artifact.client_id.clone(),
                ask: plan.ask,
                said: said_of(artifact),
                ..v1::Note::default()
            },
        );
        Ok(record)
    }

    /// A media in an artifact: its JSON file, and what belongs to it at its own places.
    fn expand(&self, number: usize, file: &Given, plan: &mut Plan) -> Result<(), HashError> {
        let bad = |source| HashError::Object {
            path: file.path.clone(),
            source,
        };
        let made = self
            .shelf
            .made(&file.media)
            .ok_or_else(|| bad(BadTemplate::Unknown(file.media.clone())))?;
        let place = format!("{{\"$wandbd\":\"{}\"}}", made.id);
        let mut parts = Vec::new();
        let object = in_artifact(&place, &self.shelf, &mut parts).map_err(bad)?;
        if let Some(table) = &made.table {
            parts.retain(|part| part.inside != made.inside);
            plan.known(&file.path, table);
        } else {
            let text = wandbd_media::python_json(&object).map_err(|source| HashError::Json {
                path: file.path.clone(),
                source,
            })?;
            plan.known(&file.path, &self.write(number, &text)?);
        }
        for part in parts {
            if let Some(content) = &part.file
                && !plan.has(&part.inside)
            {
                plan.known(&part.inside, content);
            }
        }
        Ok(())
    }

    /// A file of the daemon's own, on disk when this returns.
    fn write(&self, number: usize, text: &str) -> Result<v1::made::File, HashError> {
        let id = self.artifact.client_id.chars();
        let id: String = id.filter(char::is_ascii_alphanumeric).take(32).collect();
        let name = format!("{id}.{number}.artifact");
        let path = self.made_dir.join(name);
        let written = fs::DirBuilder::new()
            .recursive(true)
            .create(&self.made_dir)
            .and_then(|()| {
                let mut file = File::options()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)?;
                file.write_all(text.as_bytes())?;
                file.sync_data()?;
                File::open(&self.made_dir)?.sync_all()
            });
        if let Err(source) = written {
            return Err(HashError::Write { path, source });
        }
        Ok(v1::made::File {
            source: path.display().to_string(),
            md5: BASE64_STANDARD.encode(Md5::digest(text)),
            size: text.len() as u64,
            ..v1::made::File::default()
        })
    }
}

/// What an artifact holds, and what of it is still to be read.
#[derive(Default)]
struct Plan {
    files: Vec<HashedFile>,
    /// Which of them, where the file lies, and its size when it was handed over.
    to_read: Vec<(usize, String, Option<u64>)>,
    ask: Vec<String>,
    /// Places of media, which may be named more than once.
    places: HashSet<String>,
}

impl Plan {
    fn add(&mut self, file: &Given) {
        let content = if !file.reference.is_empty() {
            Content::Reference {
                uri: file.reference.clone(),
                extra_json: file.extra_json.clone(),
            }
        } else if !file.birth_id.is_empty() {
            Content::Known(file.birth_id.clone())
        } else {
            Content::File(file.source.clone())
        };
        let mut hashed = HashedFile {
            path: file.path.clone(),
            digest: file.digest.clone(),
            size: file.size,
            content,
            skip_cache: file.skip_cache,
        };
        if file.ask {
            self.ask.push(file.path.clone());
        }
        // A snapshot's may have been taken when it was copied.
        if !file.source.is_empty() && file.digest.is_empty() {
            // Nothing is said of empty files, and of those that an earlier version of the daemon accepted.
            let size = Some(file.size).filter(|size| *size > 0);
            self.to_read
                .push((self.files.len(), file.source.clone(), size));
        } else if file.source.is_empty() && file.digest.is_empty() {
            match file.reference.strip_prefix("file://").filter(|_| !file.ask) {
                Some(path) => self.to_read.push((self.files.len(), path.to_owned(), None)),
                None => hashed.digest.clone_from(&file.reference),
            }
        }
        self.files.push(hashed);
    }

    fn has(&self, inside: &str) -> bool {
        self.places.contains(inside)
    }

    /// A file whose digest is known, or an address in its place.
    fn known(&mut self, path: &str, file: &v1::made::File) {
        self.places.insert(path.to_owned());
        let is_file = file.source.starts_with('/');
        if !is_file && file.source.starts_with("http") {
            self.ask.push(path.to_owned());
        }
        let (digest, content) = if is_file {
            (&file.md5, Content::File(file.source.clone()))
        } else {
            let uri = file.source.clone();
            let extra_json = String::new();
            (&file.source, Content::Reference { uri, extra_json })
        };
        self.files.push(HashedFile {
            path: path.to_owned(),
            digest: digest.clone(),
            size: file.size,
            content,
            skip_cache: false,
        });
    }

    /// Reads several files at once; the first fault ends all.
    fn read_all(&mut self) -> Result<(), HashError> {
        let to_read = std::mem::take(&mut self.to_read);
        let next = AtomicUsize::new(0);
        let over = AtomicBool::new(false);
        let found = Mutex::new(Vec::with_capacity(to_read.len()));
        let fault = Mutex::new(None);
        let work = || {
            let mut block = Vec::new();
            while !over.load(Ordering::Relaxed)
                && let Some((at, source, size)) = to_read.get(next.fetch_add(1, Ordering::Relaxed))
            {
                match read(source, *size, &mut block) {
                    Ok(digest) => lock(&found).push((*at, digest)),
                    Err(error) => {
                        over.store(true, Ordering::Relaxed);
                        lock(&fault).get_or_insert(error);
                    }
                }
            }
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let readers = processors.min(READERS).min(to_read.len());
        std::thread::scope(|scope| {
            for _ in 1..readers {
                scope.spawn(work);
            }
            work();
        });
        if let Some(error) = fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        for (at, (digest, size)) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(file) = self.files.get_mut(at) {
                (file.digest, file.size) = (digest, size);
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The digest of a file that has `size` bytes and does not change meanwhile.
fn read(source: &str, size: Option<u64>, block: &mut Vec<u8>) -> Result<(String, u64), HashError> {
    let failed = |error| HashError::Read {
        path: source.to_owned(),
        source: error,
    };
    // Without waiting for a writer, should it be a pipe by now.
    let mut file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(Path::new(source))
        .map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    if !before.is_file() {
        return Err(HashError::NoFile {
            path: source.to_owned(),
        });
    }
    let size = size.unwrap_or(before.len());
    let changed = |now| HashError::Changed {
        path: source.to_owned(),
        before: size,
        now,
    };
    if before.len() != size {
        return Err(changed(before.len()));
    }
    let (digest, read) = md5_of(&mut file, size, block).map_err(failed)?;
    if read != size {
        return Err(changed(read));
    }
    let after = file.metadata().map_err(failed)?;
    if stamp(&after) != stamp(&before) {
        return Err(HashError::Unsteady {
            path: source.to_owned(),
        });
    }
    Ok((digest, size))
}

fn stamp(about: &Metadata) -> (u64, i64, i64) {
    (about.len(), about.mtime(), about.mtime_nsec())
}

fn md5_of(file: &mut File, size: u64, block: &mut Vec<u8>) -> io::Result<(String, u64)> {
    // One byte more than it should have: the end is seen with the first read.
    let length = usize::try_from(size.saturating_add(1)).map_or(BLOCK, |size| size.min(BLOCK));
    if block.len() < length {
        block.resize(length, 0);
    }
    let mut hasher = Md5::new();
    let mut total = 0;
    loop {
        let read = file.read(block)?;
        if read == 0 {
            return Ok((BASE64_STANDARD.encode(hasher.finalize()), total));
        }
        hasher.update(&block[..read]);
        total += read as u64;
        if total > size {
            return Ok((String::new(), total)); // it grows, maybe for ever
        }
    }
}

#[cfg(test)]
mod tests;
