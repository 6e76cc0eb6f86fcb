//! Events of one file to records: one row for each step.

use std::{fmt::Write as _, mem, path::Path};

use md5::{Digest as _, Md5};
use wandbd_proto::v1::{self, field, media::Content, record::Kind};
use wandbd_record::json;
use wandbd_tensorboard::{Event, Value, values_of};

/// The step that is being read, and how pictures of this file are called.
#[derive(Debug)]
pub(super) struct Steps {
    prefix: String,
    pictures: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    step: i64,
    at: f64,
    fields: Vec<v1::Field>,
    media: Vec<v1::Media>,
}

impl Steps {
    pub(super) fn new(path: &Path) -> Steps {
        let mut prefix = String::from("events-");
        for byte in Md5::digest(path.as_os_str().as_encoded_bytes())
            .iter()
            .take(8)
        {
            // Writing to a String cannot fail.
            write!(prefix, "{byte:02x}").ok();
        }
        Steps {
            prefix,
            pictures: 0,
            open: None,
        }
    }

    /// Takes an event in; a step that is over becomes a row. Returns how many values were left out.
    pub(super) fn take(
        &mut self,
        namespace: &str,
        event: &Event,
        out: &mut Vec<v1::Record>,
    ) -> u64 {
        let values = values_of(event);
        if values.is_empty() {
            return 0;
        }
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.step != event.step)
        {
            self.end(out);
        }
        let mut left_out = 0;
        let open = self.open.get_or_insert_with(|| Open {
            step: event.step,
            at: event.wall_time,
            fields: Vec::new(),
            media: Vec::new(),
        });
        open.at = event.wall_time;
        for named in values {
            let key = match namespace {
                "" => named.tag,
                namespace => format!("{namespace}/{}", named.tag),
            };
            let value = match named.value {
                Value::Number(text) => field::Value::Json(text),
                Value::Histogram { counts, edges } => {
                    field::Value::Json(histogram(&counts, &edges))
                }
                Value::Picture {
                    bytes,
                    width,
                    height,
                } => {
                    self.pictures += 1;
                    let id = format!("{}-{}", self.prefix, self.pictures);
                    let (media, template) = picture(id, bytes, width, height);
                    open.media.push(media);
                    field::Value::Template(template)
                }
                Value::Other(_) => {
                    left_out += 1;
                    continue;
                }
            };
            open.fields.push(v1::Field {
                key,
                nested: Vec::new(),
                value: Some(value),
            });
        }
        left_out
    }

    /// The step that was read last is over.
    pub(super) fn end(&mut self, out: &mut Vec<v1::Record>) {
        let Some(mut open) = self.open.take().filter(|open| !open.fields.is_empty()) else {
            return;
        };
        out.extend(
            mem::take(&mut open.media)
                .into_iter()
                .map(|media| of(Kind::Media(media))),
        );
        open.fields.push(v1::Field {
            key: "global_step".to_owned(),
            nested: Vec::new(),
            value: Some(field::Value::Integer(open.step)),
        });
        out.push(of(Kind::Row(v1::Row {
            field: open.fields,
            timestamp: open.at,
            close: true,
            step: None,
        })));
    }
}

/// The file becomes a file of the run.
pub(super) fn save(path: &Path, namespace: &str) -> Option<v1::Record> {
    let name = path.file_name()?.to_str()?;
    let name = match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    Some(of(Kind::Save(v1::Save {
        file: vec![v1::save::File {
            name,
            source: path.to_str()?.to_owned(),
        }],
        policy: v1::save::Policy::Live.into(),
    })))
}

fn of(kind: Kind) -> v1::Record {
    v1::Record { kind: Some(kind) }
}

fn histogram(counts: &[f64], edges: &[f64]) -> String {
    let list = |numbers: &[f64]| {
        let mut out = String::from("[");
        for (place, number) in numbers.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            json::push_f64(&mut out, *number);
        }
        out.push(']');
        out
    };
    format!(
        r#"{{"_type":"histogram","values":{},"bins":{}}}"#,
        list(counts),
        list(edges)
    )
}

/// A picture as W&B shows those of event files: as a list of one.
fn picture(id: String, bytes: Vec<u8>, width: u32, height: u32) -> (v1::Media, String) {
    let format = match bytes.as_slice() {
        [0xff, 0xd8, ..] => "jpg",
        [b'G', b'I', b'F', ..] => "gif",
        _ => "png",
    };
    let size = format!(r#""width":{width},"height":{height}"#);
    let template = format!(
        r#"{{"_type":"images/separated",{size},"format":"{format}","count":1,"filenames":[{{"$wandbd":"{id}","as":"path"}}]}}"#
    );
    let json = format!(r#"{{"_type":"image-file","format":"{format}",{size}}}"#);
    let media = v1::Media {
        id,
        dir: "images".to_owned(),
        extension: format!(".{format}"),
        row_json: json.clone(),
        artifact_json: json,
        content: Some(Content::Bytes(bytes)),
        ..v1::Media::default()
    };
    (media, template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Steps {
        Steps::new(Path::new("/logs/events.out.tfevents.1.host"))
    }

    /// An event with one number, as `TensorBoard` writes it.
    fn number(step: i64, tag: &str, number: f32) -> Event {
        use prost::Message as _;

        let mut value = vec![0x0a, u8::try_from(tag.len()).unwrap()];
        value.extend(tag.as_bytes());
        value.push(0x15);
        value.extend(number.to_le_bytes());
        let mut summary = vec![0x0a, u8::try_from(value.len()).unwrap()];
        summary.extend(value);
        let mut event = vec![0x09];
        event.extend(1.5_f64.to_le_bytes());
        event.push(0x10);
        event.push(u8::try_from(step).unwrap());
        event.extend([0x2a, u8::try_from(summary.len()).unwrap()]);
        event.extend(summary);
        Event::decode(event.as_slice()).unwrap()
    }

    fn rows(records: &[v1::Record]) -> Vec<Vec<(String, field::Value)>> {
        let row = |record: &v1::Record| match &record.kind {
            Some(Kind::Row(row)) => Some(
                row.field
                    .iter()
                    .map(|field| (field.key.clone(), field.value.clone().unwrap()))
                    .collect(),
            ),
            _ => None,
        };
        records.iter().filter_map(row).collect()
    }

    #[test]
    fn events_of_one_step_are_one_row_which_ends_with_the_next_step() {
        let (mut steps, mut out) = (steps(), Vec::new());
        for event in [
            number(1, "a", 0.5),
            number(1, "b", 2.0),
            number(2, "a", 0.25),
        ] {
            assert_eq!(steps.take("", &event, &mut out), 0);
        }

        let json = |text: &str| field::Value::Json(text.into());
        let first = vec![
            ("a".to_owned(), json("0.5")),
            ("b".to_owned(), json("2")),
            ("global_step".to_owned(), field::Value::Integer(1)),
        ];
        assert_eq!(rows(&out), [first]);
        steps.end(&mut out);
        assert_eq!(rows(&out).len(), 2);
    }

    #[test]
    fn metrics_of_a_subfolder_carry_its_name() {
        let (mut steps, mut out) = (steps(), Vec::new());
        steps.take("train", &number(0, "loss", 1.0), &mut out);
        steps.end(&mut out);

        assert_eq!(rows(&out)[0][0].0, "train/loss");
        let saved = save(Path::new("/x/events.1"), "train").unwrap();
        assert!(
            matches!(saved.kind, Some(Kind::Save(save)) if save.file[0].name == "train/events.1")
        );
    }

    #[test]
    fn a_picture_is_a_media_before_its_row_and_its_id_depends_on_file_and_place_only() {
        let made = |id: &str| picture(id.into(), vec![0xff, 0xd8, 1], 3, 2);
        let (media, template) = made("events-1");

        assert_eq!(
            (media.dir.as_str(), media.extension.as_str()),
            ("images", ".jpg")
        );
        assert_eq!(
            template,
            r#"{"_type":"images/separated","width":3,"height":2,"format":"jpg","count":1,"filenames":[{"$wandbd":"events-1","as":"path"}]}"#
        );
        assert_eq!(steps().prefix, steps().prefix);
        assert_ne!(steps().prefix, Steps::new(Path::new("/other")).prefix);
    }

    #[test]
    fn a_histogram_is_written_inline() {
        assert_eq!(
            histogram(&[1.0, 2.0], &[0.0, 0.5, 1.0]),
            r#"{"_type":"histogram","values":[1,2],"bins":[0,0.5,1]}"#
        );
    }
}
