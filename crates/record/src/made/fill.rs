//! Walks over a template and fills its places.

use wandbd_proto::v1;

use crate::error::BadTemplate;
use crate::json::push_str;
use crate::made::Makings;
use crate::scan::{Scan, unquote};
use crate::tree::Tree;

/// How deep media may hold media.
const MAX_INSIDE: usize = 16;

/// How many places one template may have, those of the media in it included.
const MAX_PLACES: usize = 65_536;

/// How long a filled template may be: three lines of W&B.
const MAX_BYTES: usize = 32 << 20;

const MARK: &str = "$wandbd";

/// Where a template is filled: what an object gets there.
pub(super) trait Target {
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

/// The template with its places filled.
pub(super) fn fill(
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
