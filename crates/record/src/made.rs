//! Templates: JSON in which objects `{"$wandbd": "<id>"}` stand for what the daemon has made of a `Media`.
//!
//! The client cannot know a file's digest, and so not its name. It writes places, and they are filled here, once in a row
//! ([`in_row`]) and once in an artifact ([`in_artifact`]), where the same picture has another path and another object. Templates
//! may lie inside the objects of other media: a picture holds its masks.
//!
//! A second name asks for less than the object: `"as": "path"`, `"name"` (the path without `media/<dir>/`), `"digest"` (base64 of
//! the MD5), `"sha256"`, `"size"`, or any other word for that field of the object (`null` when it has none).

use std::collections::{HashMap, HashSet};

use wandbd_proto::v1;

use crate::error::BadTemplate;
use crate::json::push_str;
use crate::scan::{Scan, unquote};
use crate::tree::Tree;

/// How deep media may hold media.
const MAX_INSIDE: usize = 16;

/// How many places one template may have, those of the media in it included.
const MAX_PLACES: usize = 65_536;

/// How long a filled template may be: three lines of W&B.
const MAX_BYTES: usize = 32 << 20;

/// How long a file name may be on the file systems that matter.
const MAX_FILE_NAME: usize = 255;

/// How many digits of the SHA-256 stand in a file's name.
const DIGITS: usize = 20;

const MARK: &str = "$wandbd";

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

/// Where a template is filled: what an object gets there.
trait Target {
    /// The template of the object.
    fn template<'m>(&self, made: &'m v1::Made) -> &'m str;
    /// Its file, if it has one.
    fn file<'m>(&self, made: &'m v1::Made) -> Option<&'m v1::made::File>;
    /// Its path there; empty when it has none.
    fn path(&self, made: &v1::Made) -> String;
    /// The object has a `size`.
    fn sized(&self) -> bool;
    /// The path of `made` is named.
    fn named(&mut self, made: &v1::Made, path: &str);
    /// Media that belong to it without being named in its object, the first time that it is asked for.
    fn others<'m>(&mut self, made: &'m v1::Made) -> &'m [String];
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

fn fill(
    template: &str,
    known: &dyn Makings,
    target: &mut dyn Target,
) -> Result<String, BadTemplate> {
    let mut filling = Filling {
        known,
        target,
        places: 0,
        inside: 0,
    };
    filling.text(template)
}

struct Filling<'a> {
    known: &'a dyn Makings,
    target: &'a mut dyn Target,
    places: usize,
    inside: usize,
}

/// What stands in a place.
struct Place {
    id: String,
    field: Option<String>,
}

impl Filling<'_> {
    fn text(&mut self, template: &str) -> Result<String, BadTemplate> {
        let mut scan = Scan::new(template);
        let mut out = String::with_capacity(template.len() + 64);
        if template.contains('$') || template.contains("\\u") {
            self.value(&mut scan, 1, &mut out)?;
        } else {
            out.push_str(scan.value(1)?);
        }
        scan.end()?;
        Ok(out)
    }

    fn value(
        &mut self,
        scan: &mut Scan<'_>,
        depth: usize,
        out: &mut String,
    ) -> Result<(), BadTemplate> {
        if depth > crate::json::MAX_DEPTH {
            scan.fail::<()>("nested too deep")?;
        }
        if out.len() > MAX_BYTES {
            return Err(BadTemplate::Large { limit: MAX_BYTES });
        }
        scan.blanks();
        match scan.peek() {
            Some(b'{') => self.object(scan, depth, out),
            Some(b'[') => self.array(scan, depth, out),
            _ => {
                out.push_str(scan.value(depth)?);
                Ok(())
            }
        }
    }

    fn array(
        &mut self,
        scan: &mut Scan<'_>,
        depth: usize,
        out: &mut String,
    ) -> Result<(), BadTemplate> {
        let _opened = scan.take(b'[');
        out.push('[');
        scan.blanks();
        let mut more = !scan.take(b']');
        while more {
            self.value(scan, depth + 1, out)?;
            more = scan.more(b']')?;
            if more {
                out.push(',');
            }
        }
        out.push(']');
        Ok(())
    }

    fn object(
        &mut self,
        scan: &mut Scan<'_>,
        depth: usize,
        out: &mut String,
    ) -> Result<(), BadTemplate> {
        let _opened = scan.take(b'{');
        scan.blanks();
        if scan.take(b'}') {
            out.push_str("{}");
            return Ok(());
        }
        let mut token = scan.key()?;
        if unquote(token) == MARK {
            let place = place(scan)?;
            return self.place(&place, depth, out);
        }
        out.push('{');
        loop {
            out.push_str(token);
            out.push(':');
            self.value(scan, depth + 1, out)?;
            if !scan.more(b'}')? {
                break;
            }
            out.push(',');
            token = scan.key()?;
        }
        out.push('}');
        Ok(())
    }

    fn place(&mut self, place: &Place, depth: usize, out: &mut String) -> Result<(), BadTemplate> {
        self.places += 1;
        if self.places > MAX_PLACES {
            return Err(BadTemplate::Places { limit: MAX_PLACES });
        }
        let known = self.known;
        let made = known
            .made(&place.id)
            .ok_or_else(|| BadTemplate::Unknown(place.id.clone()))?;
        self.belongings(made, depth)?;
        let path = self.target.path(made);
        match place.field.as_deref() {
            None => {
                self.target.named(made, &path);
                out.push_str(&self.whole(made, &path)?);
            }
            Some("path") => {
                self.target.named(made, &path);
                push_str(out, &path);
            }
            Some("name") => {
                self.target.named(made, &path);
                let below = format!("media/{}/", made.dir);
                push_str(out, path.strip_prefix(&below).unwrap_or(&path));
            }
            Some(field) => self.field(made, field, &path, out)?,
        }
        Ok(())
    }

    /// What belongs to it comes along, also when its object does not say so.
    fn belongings(&mut self, made: &v1::Made, depth: usize) -> Result<(), BadTemplate> {
        let others = self.target.others(made);
        if others.is_empty() {
            return Ok(());
        }
        self.enter()?;
        for id in others {
            let place = Place {
                id: id.clone(),
                field: None,
            };
            self.place(&place, depth, &mut String::new())?;
        }
        self.inside -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), BadTemplate> {
        self.inside += 1;
        if self.inside > MAX_INSIDE {
            return Err(BadTemplate::Deep { limit: MAX_INSIDE });
        }
        Ok(())
    }

    /// The object, with what is known of its file at its end.
    fn whole(&mut self, made: &v1::Made, path: &str) -> Result<String, BadTemplate> {
        let template = self.target.template(made);
        let template = if template.is_empty() { "{}" } else { template };
        self.enter()?;
        let mut text = self.text(template)?;
        self.inside -= 1;
        if !text.ends_with('}') {
            return Err(BadTemplate::Object(made.id.clone()));
        }
        text.pop();
        let mut member = |name: &str, value: &str, quoted: bool| {
            text.push_str(if text.ends_with('{') { "\"" } else { ",\"" });
            text.push_str(name);
            text.push_str("\":");
            if quoted {
                push_str(&mut text, value);
            } else {
                text.push_str(value);
            }
        };
        if let Some(file) = self.target.file(made) {
            member("sha256", &file.sha256, true);
            if self.target.sized() {
                member("size", &file.size.to_string(), false);
            }
        }
        if !path.is_empty() {
            member("path", path, true);
        }
        text.push('}');
        Ok(text)
    }

    fn field(
        &mut self,
        made: &v1::Made,
        field: &str,
        path: &str,
        out: &mut String,
    ) -> Result<(), BadTemplate> {
        match (field, self.target.file(made)) {
            ("sha256", Some(file)) => push_str(out, &file.sha256),
            ("digest", Some(file)) => push_str(out, &file.md5),
            ("size", Some(file)) => out.push_str(&file.size.to_string()),
            _ => {
                let object = Tree::parse_object(&self.whole(made, path)?)?;
                match object.get(&[field]) {
                    Some(node) => out.push_str(&node.to_json()),
                    None => out.push_str("null"),
                }
            }
        }
        Ok(())
    }
}

/// The rest of a place, after its first key.
fn place(scan: &mut Scan<'_>) -> Result<Place, BadTemplate> {
    let id = text(scan)?;
    let mut field = None;
    while scan.more(b'}')? {
        let token = scan.key()?;
        if unquote(token) != "as" || field.is_some() {
            scan.fail::<()>("a place has nothing but \"$wandbd\" and \"as\"")?;
        }
        field = Some(text(scan)?);
    }
    Ok(Place { id, field })
}

fn text(scan: &mut Scan<'_>) -> Result<String, BadTemplate> {
    scan.blanks();
    if scan.peek() != Some(b'"') {
        scan.fail::<()>("a text is expected")?;
    }
    Ok(unquote(scan.string()?).into_owned())
}

#[cfg(test)]
mod tests;
