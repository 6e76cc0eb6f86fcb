//! What the values of an event are for W&B.

use crate::event::{Event, Histogram, SummaryValue, Tensor};

/// A value under its tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The tag, as the program named it.
    pub tag: String,
    /// The value.
    pub value: Value,
}

/// A value that W&B can show.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, as text: a 32-bit float with the digits that it needs.
    Number(String),
    /// Counts and the edges around them.
    Histogram {
        /// One for each bin.
        counts: Vec<f64>,
        /// One more than counts.
        edges: Vec<f64>,
    },
    /// An encoded picture, for example PNG.
    Picture {
        /// The file.
        bytes: Vec<u8>,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Something that is not taken over, by the name of its plugin.
    Other(String),
}

// `DataType` of tensorflow/core/framework/types.proto.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 2;
const INT32: i32 = 3;
const STRING: i32 = 7;
const INT64: i32 = 9;

/// The values of an event, in order.
pub fn values_of(event: &Event) -> Vec<Named> {
    let values = event.summary.iter().flat_map(|summary| &summary.value);
    values
        .map(|value| Named {
            tag: value.tag.clone(),
            value: meaning(value),
        })
        .collect()
}

fn meaning(value: &SummaryValue) -> Value {
    if let Some(number) = value.simple_value {
        return Value::Number(text_of(number));
    }
    if let Some(image) = &value.image {
        return Value::Picture {
            bytes: image.encoded.clone(),
            width: u32::try_from(image.width).unwrap_or(0),
            height: u32::try_from(image.height).unwrap_or(0),
        };
    }
    if let Some(histogram) = &value.histogram {
        return of_histogram(histogram);
    }
    let plugin = value
        .metadata
        .as_ref()
        .and_then(|about| about.plugin.as_ref())
        .map_or("", |plugin| plugin.name.as_str());
    let found = value.tensor.as_ref().and_then(|tensor| match plugin {
        "scalars" | "" => scalar(tensor),
        "images" => picture(tensor),
        "histograms" => buckets(tensor),
        _ => None,
    });
    found.unwrap_or_else(|| Value::Other(plugin.to_owned()))
}

/// Extended JSON: the shortest digits that give the same 32-bit float.
fn text_of(number: f32) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned()
    } else {
        number.to_string()
    }
}

/// A bucket ends at its limit. The first one holds what lies below all others: mostly nothing, then it is left out.
fn of_histogram(histogram: &Histogram) -> Value {
    let limits = &histogram.bucket_limit;
    match (histogram.bucket.split_first(), limits.first()) {
        (Some((first, rest)), Some(_)) if *first == 0.0 => Value::Histogram {
            counts: rest.to_vec(),
            edges: limits.clone(),
        },
        (_, lowest) => {
            let start = lowest.map_or(histogram.min, |limit| histogram.min.min(*limit));
            Value::Histogram {
                counts: histogram.bucket.clone(),
                edges: std::iter::once(start)
                    .chain(limits.iter().copied())
                    .collect(),
            }
        }
    }
}

fn scalar(tensor: &Tensor) -> Option<Value> {
    let bytes = tensor.content.as_slice();
    let text = match tensor.dtype {
        FLOAT => text_of(match tensor.float.first() {
            Some(number) => *number,
            None => f32::from_le_bytes(bytes.get(..4)?.try_into().ok()?),
        }),
        DOUBLE => double_text(match tensor.double.first() {
            Some(number) => *number,
            None => f64::from_le_bytes(bytes.get(..8)?.try_into().ok()?),
        }),
        INT32 => match tensor.int.first() {
            Some(number) => number.to_string(),
            None => i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?).to_string(),
        },
        INT64 => match tensor.int64.first() {
            Some(number) => number.to_string(),
            None => i64::from_le_bytes(bytes.get(..8)?.try_into().ok()?).to_string(),
        },
        _ => return None,
    };
    Some(Value::Number(text))
}

fn double_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned()
    } else {
        number.to_string()
    }
}

/// The images plugin: width and height as texts, then pictures; the first is taken.
fn picture(tensor: &Tensor) -> Option<Value> {
    if tensor.dtype != STRING {
        return None;
    }
    let side = |place: usize| -> Option<u32> {
        std::str::from_utf8(tensor.string.get(place)?)
            .ok()?
            .parse()
            .ok()
    };
    Some(Value::Picture {
        width: side(0)?,
        height: side(1)?,
        bytes: tensor.string.get(2)?.clone(),
    })
}

/// The histograms plugin: rows of left edge, right edge, count.
fn buckets(tensor: &Tensor) -> Option<Value> {
    let numbers: Vec<f64> = match tensor.dtype {
        DOUBLE if tensor.content.is_empty() => tensor.double.clone(),
        DOUBLE => of_bytes::<8>(&tensor.content)
            .map(f64::from_le_bytes)
            .collect(),
        FLOAT if tensor.content.is_empty() => tensor.float.iter().copied().map(f64::from).collect(),
        FLOAT => of_bytes::<4>(&tensor.content)
            .map(|bytes| f64::from(f32::from_le_bytes(bytes)))
            .collect(),
        _ => return None,
    };
    let rows: Vec<&[f64]> = numbers.chunks_exact(3).collect();
    let first = rows.first()?;
    let mut edges = vec![first[0]];
    edges.extend(rows.iter().map(|row| row[1]));
    Some(Value::Histogram {
        counts: rows.iter().map(|row| row[2]).collect(),
        edges,
    })
}

fn of_bytes<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes
        .chunks_exact(N)
        .filter_map(|chunk| chunk.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Image, Metadata, Plugin, Summary};

    fn one(value: SummaryValue) -> Value {
        let event = Event {
            summary: Some(Summary { value: vec![value] }),
            ..Event::default()
        };
        values_of(&event).remove(0).value
    }

    fn of_plugin(name: &str, tensor: Tensor) -> Value {
        one(SummaryValue {
            tensor: Some(tensor),
            metadata: Some(Metadata {
                plugin: Some(Plugin { name: name.into() }),
            }),
            ..SummaryValue::default()
        })
    }

    #[test]
    fn a_float_keeps_the_digits_that_it_needs() {
        let number = |number| {
            one(SummaryValue {
                simple_value: Some(number),
                ..SummaryValue::default()
            })
        };

        assert_eq!(number(1.0 / 3.0), Value::Number("0.33333334".into()));
        assert_eq!(number(1.0), Value::Number("1".into()));
        assert_eq!(number(f32::NAN), Value::Number("NaN".into()));
        assert_eq!(number(f32::NEG_INFINITY), Value::Number("-Infinity".into()));
    }

    #[test]
    fn scalars_may_be_tensors_of_four_types_by_value_or_by_bytes() {
        let cases = [
            (
                Tensor {
                    dtype: FLOAT,
                    content: 0.5_f32.to_le_bytes().to_vec(),
                    ..Tensor::default()
                },
                "0.5",
            ),
            (
                Tensor {
                    dtype: FLOAT,
                    float: vec![0.25],
                    ..Tensor::default()
                },
                "0.25",
            ),
            (
                Tensor {
                    dtype: DOUBLE,
                    content: 0.1_f64.to_le_bytes().to_vec(),
                    ..Tensor::default()
                },
                "0.1",
            ),
            (
                Tensor {
                    dtype: INT32,
                    int: vec![-3],
                    ..Tensor::default()
                },
                "-3",
            ),
            (
                Tensor {
                    dtype: INT64,
                    content: (1_i64 << 40).to_le_bytes().to_vec(),
                    ..Tensor::default()
                },
                "1099511627776",
            ),
        ];
        for (tensor, text) in cases {
            assert_eq!(of_plugin("scalars", tensor), Value::Number(text.into()));
        }
        assert_eq!(
            of_plugin("scalars", Tensor::default()),
            Value::Other("scalars".into())
        );
    }

    #[test]
    fn histograms_of_both_kinds_become_counts_between_edges() {
        let old = one(SummaryValue {
            histogram: Some(Histogram {
                min: 1.0,
                bucket_limit: vec![2.0, 3.0],
                bucket: vec![4.0, 5.0],
            }),
            ..SummaryValue::default()
        });
        let content = [1.0_f64, 2.0, 4.0, 2.0, 3.0, 5.0]
            .map(f64::to_le_bytes)
            .concat();
        let new = of_plugin(
            "histograms",
            Tensor {
                dtype: DOUBLE,
                content,
                ..Tensor::default()
            },
        );

        assert_eq!(
            old,
            Value::Histogram {
                counts: vec![4.0, 5.0],
                edges: vec![1.0, 2.0, 3.0]
            }
        );
        assert_eq!(new, old);
    }

    #[test]
    fn pictures_of_both_kinds_are_files() {
        let old = one(SummaryValue {
            image: Some(Image {
                height: 2,
                width: 3,
                encoded: vec![7],
            }),
            ..SummaryValue::default()
        });
        let string = vec![b"3".to_vec(), b"2".to_vec(), vec![7]];
        let new = of_plugin(
            "images",
            Tensor {
                dtype: STRING,
                string,
                ..Tensor::default()
            },
        );

        assert_eq!(
            old,
            Value::Picture {
                bytes: vec![7],
                width: 3,
                height: 2
            }
        );
        assert_eq!(new, old);
    }

    #[test]
    fn what_is_not_taken_over_is_named() {
        assert_eq!(
            of_plugin("pr_curves", Tensor::default()),
            Value::Other("pr_curves".into())
        );
    }
}
