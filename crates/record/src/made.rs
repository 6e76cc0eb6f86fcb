//! Templates: JSON in which objects `{"$wandbd": "<id>"}` stand for what the daemon has made of a `Media`.
//!
//! The client cannot know a file's digest, and so not its name. It writes places, and they are filled here, once in a row
//! ([`in_row`]) and once in an artifact ([`in_artifact`]), where the same picture has another path and another object. Templates
//! may lie inside the objects of other media: a picture holds its masks.
//!
//! A second name asks for less than the object: `"as": "path"`, `"name"` (the path without `media/<dir>/`), `"digest"` (base64 of
//! the MD5), `"sha256"`, `"size"`, or any other word for that field of the object (`null` when it has none).

mod fill;

use std::collections::{HashMap, HashSet};

use wandbd_proto::v1;

use crate::error::BadTemplate;
use crate::made::fill::{Target, fill};

/// How long a file name may be on the file systems that matter.
const MAX_FILE_NAME: usize = 255;

/// How many digits of the SHA-256 stand in a file's name.
const DIGITS: usize = 20;

/// What was made so far, by id.
pub trait Makings {
    /// What came of the media `id`.
    fn made(&self, id: &str) -> Option<&v1::Made>;
}

impl<S: std::hash::BuildHasher> Makings for HashMap<String, v1::Made, S> {
    fn made(&self, id: &str) -> Option<&v1::Made> {
        self.get(id)
    }
}

/// A file that a row names: it is to lie among the run's files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Linked {
    /// Below the run's files, with slashes: `media/images/loss_3_0123456789abcdef0123.png`.
    pub name: String,
    /// Where it lies now: an absolute path.
    pub source: String,
}

/// Fills a template for a row: `key` is the innermost name of the value, `step` the number of the row. The files that it names
/// are added to `files`, one that is named twice maybe twice.
/// # Errors
/// [`BadTemplate`]: what is wrong with the text, or the media that is not known.
pub fn in_row(
    template: &str,
    key: &str,
    step: &str,
    known: &dyn Makings,
    files: &mut Vec<Linked>,
) -> Result<String, BadTemplate> {
    let mut target = InRow { key, step, files };
    fill(template, known, &mut target)
}

/// Fills a template for an artifact. The files that belong to it are added to `parts`, one that is named twice maybe twice; a
/// part whose `source` is no absolute path is a reference to that address.
/// # Errors
/// [`BadTemplate`]: what is wrong with the text, or the media that is not known.
pub fn in_artifact(
    template: &str,
    known: &dyn Makings,
    parts: &mut Vec<v1::made::Part>,
) -> Result<String, BadTemplate> {
    let mut target = InArtifact {
        parts,
        seen: HashSet::new(),
    };
    fill(template, known, &mut target)
}

/// The name of a media file in a row, below `media/<dir>/`. Leading slashes of the key go, parts that are only dots become
/// underscores, other slashes make folders; the last part is cut where file systems would refuse it.
pub fn file_name(key: &str, step: &str, sha256: &str, extension: &str) -> String {
    let key = key.replace('\0', "_");
    let mut parts: Vec<&str> = key.split('/').collect();
    let last = parts.pop().unwrap_or("");
    let mut name = String::with_capacity(key.len() + 64);
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        name.push_str(cut(undotted(part), MAX_FILE_NAME));
        name.push('/');
    }
    let digits = sha256.get(..DIGITS).unwrap_or(sha256);
    let rest = format!("_{step}_{digits}{extension}");
    name.push_str(cut(
        undotted(last),
        MAX_FILE_NAME.saturating_sub(rest.len()),
    ));
    name.push_str(&rest);
    name
}

fn undotted(part: &str) -> &str {
    match part {
        "." => "_",
        ".." => "__",
        _ => part,
    }
}

/// As much of `part` as fits, in whole characters.
fn cut(part: &str, bytes: usize) -> &str {
    let mut end = bytes.min(part.len());
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    &part[..end]
}

struct InRow<'a> {
    key: &'a str,
    step: &'a str,
    files: &'a mut Vec<Linked>,
}

impl Target for InRow<'_> {
    fn template<'m>(&self, made: &'m v1::Made) -> &'m str {
        &made.row_json
    }

    fn file<'m>(&self, made: &'m v1::Made) -> Option<&'m v1::made::File> {
        made.file.as_ref()
    }

    fn path(&self, made: &v1::Made) -> String {
        match &made.file {
            Some(file) => {
                let name = file_name(self.key, self.step, &file.sha256, &made.extension);
                format!("media/{}/{name}", made.dir)
            }
            None => made.reference.clone(),
        }
    }

    fn sized(&self) -> bool {
        true
    }

    fn named(&mut self, made: &v1::Made, path: &str) {
        if let Some(file) = &made.file {
            self.files.push(Linked {
                name: path.to_owned(),
                source: file.source.clone(),
            });
        }
    }

    fn others<'m>(&mut self, _made: &'m v1::Made) -> &'m [String] {
        &[]
    }
}

struct InArtifact<'a> {
    parts: &'a mut Vec<v1::made::Part>,
    seen: HashSet<String>,
}

impl Target for InArtifact<'_> {
    fn template<'m>(&self, made: &'m v1::Made) -> &'m str {
        &made.artifact_json
    }

    fn file<'m>(&self, made: &'m v1::Made) -> Option<&'m v1::made::File> {
        made.table.as_ref().or(made.file.as_ref())
    }

    fn path(&self, made: &v1::Made) -> String {
        made.inside.clone()
    }

    fn sized(&self) -> bool {
        false
    }

    fn named(&mut self, _made: &v1::Made, _path: &str) {}

    fn others<'m>(&mut self, made: &'m v1::Made) -> &'m [String] {
        if !self.seen.insert(made.id.clone()) {
            return &[];
        }
        let file = match self.file(made) {
            Some(file) => Some(file.clone()),
            None if made.reference.is_empty() => None,
            None => Some(v1::made::File {
                source: made.reference.clone(),
                ..v1::made::File::default()
            }),
        };
        if file.is_some() && !made.inside.is_empty() {
            self.parts.push(v1::made::Part {
                inside: made.inside.clone(),
                file,
            });
        }
        self.parts.extend(made.stored.iter().cloned());
        &made.part
    }
}

#[cfg(test)]
mod tests;
