//! Raw data for the daemon: a picture's pixels, a file's bytes. Copied once at most, by the calling thread.
//!
//! Up to 8 MiB travel in the record, as long as half of the window stays free. More is written to a private file (`scratch`), which the
//! record names.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use prost::Message as _;
use wandbd_proto::v1::{self, media::Content, record::Kind};

use crate::{
    Session,
    encode::{self, push_varint},
    messages,
    parts::Parts,
    scratch,
    window::Class,
};

/// Larger data goes by file.
const INLINE_MAX: usize = 8 << 20;
/// From this size on a record gets a chunk of its own: a copy less.
const ALONE_MIN: usize = 64 << 10;
/// Larger arrays of a table go by file: there may be several.
const STORED_INLINE_MAX: usize = 1 << 20;
/// Record.media is field 13.
const MEDIA: u8 = 0x6A;
/// `Array.data` in `Pixels`, `Binned`, `Sound` and `Frames`.
const ARRAY: u8 = 0x0A;
const DATA: u8 = 0x1A;

/// Bytes that lie somewhere.
pub trait Data {
    /// How many.
    fn size(&self) -> usize;
    /// The bytes as they are now, for as long as somebody needs them.
    ///
    /// # Errors
    /// They cannot be read.
    fn bytes(&self) -> io::Result<Bytes>;
    /// Writes them to a file.
    ///
    /// # Errors
    /// What the disk says.
    fn write_to(&self, file: &mut File) -> io::Result<()>;
}

impl Data for Bytes {
    fn size(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> io::Result<Bytes> {
        Ok(self.clone())
    }

    fn write_to(&self, file: &mut File) -> io::Result<()> {
        file.write_all(self)
    }
}

impl Session {
    /// Something that the daemon makes from raw data. `data` takes the place of the content's bytes, or of its array's, which are empty.
    /// False: there is no room, and it is counted; no row or artifact may name it then.
    ///
    /// # Errors
    /// `data` could not be read.
    pub fn media(&self, mut media: v1::Media, data: &dyn Data) -> io::Result<bool> {
        let Some(tags) = tags(&media) else {
            return Ok(self.without_data(media));
        };
        let (len, budget) = (data.size(), &self.core().link.budget);
        let is_for_file = len > INLINE_MAX || (len >= ALONE_MIN && !budget.is_roomy_for(len));
        if is_for_file {
            match self.to_file(len, data) {
                Ok(Some(path)) => {
                    name_source(&mut media, &path);
                    let record = encode::record(Kind::Media(media));
                    return Ok(self.with_files(&record, &[path], len));
                }
                Ok(None) => {}
                Err(error) => self.say_no_file(&error),
            }
        }
        if matches!(media.content, Some(Content::Bytes(_))) {
            media.content = None;
        }
        Ok(self.large_record(Class::Media, inline(&media, tags, data.bytes()?)))
    }

    /// Writes a private file; None: too much lies in files already.
    fn to_file(&self, len: usize, data: &dyn Data) -> io::Result<Option<PathBuf>> {
        let link = &self.core().link;
        if !link.budget.allows_file(len) {
            return Ok(None);
        }
        link.scratch
            .write(&self.settings, &mut |file| data.write_to(file))
            .map(Some)
    }

    /// Media whose content holds no large data, but for a table's arrays.
    fn without_data(&self, mut media: v1::Media) -> bool {
        let mut paths = Vec::new();
        let mut in_files = 0;
        if let Some(Content::Table(table)) = &mut media.content {
            let arrays = table
                .stored
                .iter_mut()
                .filter_map(|stored| stored.array.as_mut());
            for array in arrays.filter(|array| array.data.len() > STORED_INLINE_MAX) {
                let data = Bytes::from(std::mem::take(&mut array.data));
                let len = data.len();
                let written = self.to_file(len, &data);
                if !matches!(written, Ok(Some(_))) {
                    array.data = data.into();
                }
                match written {
                    Ok(Some(path)) => {
                        array.source = path.to_string_lossy().into_owned();
                        paths.push(path);
                        in_files += len;
                    }
                    Ok(None) => {}
                    Err(error) => self.say_no_file(&error),
                }
            }
        }
        self.with_files(&encode::record(Kind::Media(media)), &paths, in_files)
    }

    fn with_files(&self, record: &[u8], paths: &[PathBuf], in_files: usize) -> bool {
        let is_taken = self.say(Class::Media, |shared| {
            let window = &mut shared.window;
            window.push_with_files(Class::Media, record, in_files)
        });
        if !is_taken {
            for path in paths {
                scratch::remove(path);
            }
        }
        is_taken
    }

    fn say_no_file(&self, error: &io::Error) {
        let staging = self.settings.staging();
        messages::say(
            "scratch",
            format!(
                "{}: cannot write raw data for the wandbd daemon there ({error}); it is kept in memory where that has room",
                staging.display()
            ),
        );
    }

    /// A record, alone if it is large. False: there is no room.
    pub(crate) fn large_record(&self, class: Class, record: Parts) -> bool {
        if record.len() < ALONE_MIN {
            let whole = [record.head.as_ref(), record.tail.as_ref()].concat();
            return self.say(class, |shared| shared.window.push(class, &whole));
        }
        self.say(class, |shared| shared.window.push_alone(class, record))
    }
}

/// The tags from `Media` to the data; None: this content has no data of that kind.
fn tags(media: &v1::Media) -> Option<&'static [&'static [u8]]> {
    Some(match media.content.as_ref()? {
        Content::Bytes(_) => &[&[0x4A]],
        Content::Pixels(v1::Pixels { array, .. }) => {
            is_open(array.as_ref())?;
            &[&[0x5A], &[ARRAY], &[DATA]]
        }
        Content::Histogram(v1::Binned { array, .. }) => {
            is_open(array.as_ref())?;
            &[&[0x62], &[ARRAY], &[DATA]]
        }
        Content::Sound(v1::Sound { array, .. }) => {
            is_open(array.as_ref())?;
            &[&[0x72], &[ARRAY], &[DATA]]
        }
        Content::Frames(v1::Frames { array, .. }) => {
            is_open(array.as_ref())?;
            &[&[0x7A], &[ARRAY], &[DATA]]
        }
        Content::Points(array) => {
            is_open(Some(array))?;
            &[&[0x82, 0x01], &[DATA]]
        }
        Content::File(_) | Content::Table(_) => return None,
    })
}

/// An array whose data comes beside it.
fn is_open(array: Option<&v1::Array>) -> Option<()> {
    array
        .is_some_and(|array| array.source.is_empty())
        .then_some(())
}

/// The data lies in this file.
fn name_source(media: &mut v1::Media, path: &Path) {
    let path = path.to_string_lossy().into_owned();
    let array = match media.content.as_mut() {
        Some(Content::Pixels(pixels)) => pixels.array.as_mut(),
        Some(Content::Histogram(binned)) => binned.array.as_mut(),
        Some(Content::Sound(sound)) => sound.array.as_mut(),
        Some(Content::Frames(frames)) => frames.array.as_mut(),
        Some(Content::Points(array)) => Some(array),
        _ => {
            media.content = Some(Content::File(v1::media::Source { path, staged: true }));
            return;
        }
    };
    if let Some(array) = array {
        array.source = path;
    }
}

/// The record with its data at the end: a message may come in two pieces, which are merged when it is read.
fn inline(media: &v1::Media, tags: &[&[u8]], data: Bytes) -> Parts {
    let rest = media.encode_to_vec();
    let mut heads: Vec<Vec<u8>> = Vec::with_capacity(tags.len());
    let mut len = data.len();
    for tag in tags.iter().rev() {
        let mut head = tag.to_vec();
        push_varint(&mut head, len as u64);
        len += head.len();
        heads.push(head);
    }
    len += rest.len();
    let mut head = Vec::with_capacity(len - data.len() + 8);
    head.push(MEDIA);
    push_varint(&mut head, len as u64);
    head.extend_from_slice(&rest);
    for tag in heads.iter().rev() {
        head.extend_from_slice(tag);
    }
    Parts {
        head: head.into(),
        tail: data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[u64]) -> v1::Array {
        v1::Array {
            dtype: "|u1".to_owned(),
            shape: shape.to_vec(),
            ..v1::Array::default()
        }
    }

    /// What the daemon reads of it.
    fn read_back(media: &v1::Media, data: &[u8]) -> v1::Media {
        let mut sent = media.clone();
        if matches!(sent.content, Some(Content::Bytes(_))) {
            sent.content = None;
        }
        let data = Bytes::copy_from_slice(data);
        let record = inline(&sent, tags(media).unwrap(), data).to_vec();
        let record = v1::Record::decode(record.as_slice()).unwrap();
        match record.kind {
            Some(Kind::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn data_behind_a_message_is_read_as_a_part_of_it() {
        let data: Vec<u8> = (0..200).collect();
        let with = |content: Content| v1::Media {
            id: "m".to_owned(),
            row_json: "{}".to_owned(),
            content: Some(content),
            ..v1::Media::default()
        };
        let filled = v1::Array {
            data: data.clone(),
            ..array(&[200])
        };
        let cases = [
            (Content::Bytes(Vec::new()), Content::Bytes(data.clone())),
            (
                Content::Pixels(v1::Pixels {
                    array: Some(array(&[200])),
                    normalize: true,
                    ..v1::Pixels::default()
                }),
                Content::Pixels(v1::Pixels {
                    array: Some(filled.clone()),
                    normalize: true,
                    ..v1::Pixels::default()
                }),
            ),
            (
                Content::Histogram(v1::Binned {
                    array: Some(array(&[200])),
                    bins: 64,
                }),
                Content::Histogram(v1::Binned {
                    array: Some(filled.clone()),
                    bins: 64,
                }),
            ),
            (
                Content::Sound(v1::Sound {
                    array: Some(array(&[200])),
                    rate: 8000,
                }),
                Content::Sound(v1::Sound {
                    array: Some(filled.clone()),
                    rate: 8000,
                }),
            ),
            (
                Content::Frames(v1::Frames {
                    array: Some(array(&[200])),
                    rate: 4,
                }),
                Content::Frames(v1::Frames {
                    array: Some(filled.clone()),
                    rate: 4,
                }),
            ),
            (Content::Points(array(&[200])), Content::Points(filled)),
        ];
        for (open, expect) in cases {
            assert_eq!(read_back(&with(open), &data), with(expect));
        }
    }

    #[test]
    fn an_array_in_a_file_needs_no_data_beside_it() {
        let pixels = v1::Pixels {
            array: Some(v1::Array {
                source: "/private/file".to_owned(),
                ..array(&[1])
            }),
            ..v1::Pixels::default()
        };
        let media = v1::Media {
            content: Some(Content::Pixels(pixels)),
            ..v1::Media::default()
        };
        assert!(tags(&media).is_none());
    }
}
