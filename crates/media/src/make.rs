//! One `Media`, whatever it is, becomes a `Made`.

use std::path::Path;

use wandbd_record::made::Makings;
use wandbd_record::v1::media::Content;
use wandbd_record::{json, v1};

use crate::error::MediaError;
use crate::json::Value;
use crate::{frames, histogram, keep, names, number, picture, pixels, points, sound, table};

/// How many digits of a digest stand in a path.
const DIGITS: usize = 20;

/// Kinds of JSON files that no user has written.
const WRITTEN_HERE: [&str; 4] = [
    ".plotly.json",
    ".boxes2D.json",
    ".bokeh.json",
    ".graph.json",
];

/// Makes what `media` says, with its files in `dir` (which is there). `known` is what was made before in the run: cells of
/// tables name it. The files are synced to disk, the folder is not.
///
/// The same media can be made again: its files are replaced whole. Private files that it names ([`private_files`]) are left:
/// the caller removes them when the outcome is safe.
/// # Errors
/// [`MediaError`] with the thing and the fix; [`MediaError::is_disk`] tells that the media is not at fault.
pub fn make(media: &v1::Media, known: &dyn Makings, dir: &Path) -> Result<v1::Made, MediaError> {
    names::check(media)?;
    let plain = media.content.is_none() && media.reference.is_empty();
    for text in [&media.row_json, &media.artifact_json] {
        check_json(&media.id, text, plain)?;
    }
    let mut making = Making {
        media,
        size: None,
        made: v1::Made {
            id: media.id.clone(),
            dir: media.dir.clone(),
            extension: media.extension.clone(),
            row_json: media.row_json.trim().to_owned(),
            artifact_json: media.artifact_json.trim().to_owned(),
            ..v1::Made::default()
        },
    };
    if media.reference.is_empty() {
        making.content(known, dir)?;
        making.name();
    } else {
        making.refer();
    }
    if let Some((width, height)) = making.size.filter(|_| media.measure) {
        making.add(&format!("\"width\":{width},\"height\":{height}"));
    }
    Ok(making.made)
}

/// Absolute paths of the files that `media` brings and nobody else uses: copies that the client made for it.
pub fn private_files(media: &v1::Media) -> Vec<&Path> {
    match &media.content {
        Some(Content::File(file)) if file.staged => vec![Path::new(&file.path)],
        Some(Content::Pixels(pixels)) => array(pixels.array.as_ref()).into_iter().collect(),
        Some(Content::Histogram(binned)) => array(binned.array.as_ref()).into_iter().collect(),
        Some(Content::Sound(sound)) => array(sound.array.as_ref()).into_iter().collect(),
        Some(Content::Frames(frames)) => array(frames.array.as_ref()).into_iter().collect(),
        Some(Content::Points(points)) if !points.source.is_empty() => {
            vec![Path::new(&points.source)]
        }
        Some(Content::Table(table)) => table
            .stored
            .iter()
            .filter_map(|stored| array(stored.array.as_ref()))
            .collect(),
        Some(Content::File(_) | Content::Points(_) | Content::Bytes(_)) | None => Vec::new(),
    }
}

fn array(array: Option<&v1::Array>) -> Option<&Path> {
    let array = array?;
    (!array.source.is_empty()).then(|| Path::new(&array.source))
}

struct Making<'a> {
    media: &'a v1::Media,
    /// Of the picture, in pixels.
    size: Option<(u32, u32)>,
    made: v1::Made,
}

impl Making<'_> {
    fn content(&mut self, known: &dyn Makings, dir: &Path) -> Result<(), MediaError> {
        let id = &self.media.id;
        let at = dir.join(format!("{id}{}", self.media.extension));
        self.made.file = match &self.media.content {
            None => None,
            Some(Content::Bytes(bytes)) => {
                self.size = picture::measure(bytes).filter(|_| self.media.measure);
                let own = compact(&self.media.extension, bytes);
                Some(keep::write(&at, own.as_deref().unwrap_or(bytes))?)
            }
            Some(Content::File(source)) => {
                let file = keep::take(source, &at)?;
                if self.media.measure {
                    self.size = picture::measure_file(&at)
                        .map_err(|source| MediaError::read(&at, source))?;
                }
                Some(file)
            }
            Some(Content::Pixels(pixels)) => {
                let bitmap = pixels::bitmap(pixels)?;
                self.size = Some((bitmap.width, bitmap.height));
                let bytes = picture::encode(bitmap, &self.media.extension, id)?;
                Some(keep::write(&at, &bytes)?)
            }
            Some(Content::Histogram(binned)) => {
                let found = histogram::histogram(binned)?;
                self.add(&histogram_json(&found));
                None
            }
            Some(Content::Table(table)) => {
                let tables = table::make(id, table, known, dir, &at)?;
                self.made.table = Some(tables.artifact);
                self.made.stored = tables.stored;
                self.made.part = tables.held;
                Some(tables.run)
            }
            Some(Content::Sound(sound)) => Some(keep::write(&at, &sound::wav(sound)?)?),
            Some(Content::Frames(frames)) => {
                let film = frames::gif(frames, id)?;
                self.size = Some((film.width, film.height));
                Some(keep::write(&at, &film.file)?)
            }
            Some(Content::Points(array)) => Some(keep::write(&at, &points::json(array)?)?),
        };
        Ok(())
    }

    /// Where the file lies in artifacts. A table's is named by whoever adds it.
    fn name(&mut self) {
        let Some(file) = self
            .made
            .file
            .as_ref()
            .filter(|_| self.made.table.is_none())
        else {
            return;
        };
        let media = self.media;
        self.made.inside = if media.basename.is_empty() {
            let digits = keep::md5_hex(file);
            let digits = digits.get(..DIGITS).unwrap_or(&digits);
            format!("media/{}/{digits}{}", media.dir, media.extension)
        } else {
            let digits = file.sha256.get(..DIGITS).unwrap_or(&file.sha256);
            format!("media/{}/{digits}/{}", media.dir, media.basename)
        };
    }

    /// An address in place of a file: its digest is that of the address.
    fn refer(&mut self) {
        let media = self.media;
        let sha256 = keep::sha256_of(&media.reference);
        let last = media.reference.rsplit('/').next().unwrap_or_default();
        let name = if media.basename.is_empty() {
            last
        } else {
            &media.basename
        };
        let digits = sha256.get(..DIGITS).unwrap_or(&sha256);
        self.made.inside = format!("media/{}/{digits}/{name}", media.dir);
        self.made.reference.clone_from(&media.reference);
        self.add(&format!("\"sha256\":\"{sha256}\""));
    }

    /// Adds members to both objects, at their ends.
    fn add(&mut self, members: &str) {
        for text in [&mut self.made.row_json, &mut self.made.artifact_json] {
            let Some(open) = text.strip_suffix('}') else {
                continue;
            };
            let open = open.trim_end();
            let comma = if open.ends_with('{') { "" } else { "," };
            *text = format!("{open}{comma}{members}}}");
        }
    }
}

/// Checks one of the JSON texts: an object, or any value where there is nothing to add to it.
fn check_json(id: &str, text: &str, any: bool) -> Result<(), MediaError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    json::check(text).map_err(|source| MediaError::Json {
        id: id.to_owned(),
        source,
    })?;
    if any || text.starts_with('{') {
        return Ok(());
    }
    Err(MediaError::NoObject { id: id.to_owned() })
}

/// Files that are JSON of the client's own making are written as W&B's client writes them.
fn compact(extension: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    if !WRITTEN_HERE.contains(&extension) {
        return None;
    }
    let value = Value::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    let mut out = String::with_capacity(bytes.len());
    value.push_compact(&mut out);
    Some(out.into_bytes())
}

fn histogram_json(found: &histogram::Histogram) -> String {
    let counts: Vec<String> = found.counts.iter().map(u64::to_string).collect();
    let mut out = format!("\"values\":[{}],\"bins\":[", counts.join(","));
    for (at, edge) in found.edges.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        number::push_compact(&mut out, *edge);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests;
