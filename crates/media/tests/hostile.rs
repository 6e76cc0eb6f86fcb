//! Whatever a client says, nothing panics, and no memory is taken for data that did not come.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::HashMap;

use proptest::prelude::*;
use wandbd_record::v1;
use wandbd_record::v1::media::Content;

fn arrays() -> impl Strategy<Value = v1::Array> {
    let length = prop_oneof![0_u64..6, Just(u64::MAX), Just(1 << 32), Just(1 << 62)];
    (
        "[|<>=]?[biufcV][1248]{1,2}|bfloat16",
        prop::collection::vec(length, 0..6),
        prop::collection::vec(any::<u8>(), 0..200),
        any::<bool>(),
    )
        .prop_map(|(dtype, mut shape, data, fitting)| {
            if fitting {
                // Shapes that are right, too: one row of all.
                shape = vec![1, data.len() as u64];
            }
            v1::Array {
                dtype,
                shape,
                data,
                source: String::new(),
            }
        })
}

fn contents() -> impl Strategy<Value = Content> {
    (0..7, arrays(), any::<bool>(), any::<bool>(), 0..700_u32).prop_map(
        |(kind, array, one, other, number)| match kind {
            0 => Content::Pixels(v1::Pixels {
                array: Some(array),
                normalize: one,
                channels_first: other,
            }),
            1 => Content::Histogram(v1::Binned {
                array: Some(array),
                bins: number,
            }),
            2 => Content::Sound(v1::Sound {
                array: Some(array),
                rate: number,
            }),
            3 => Content::Frames(v1::Frames {
                array: Some(array),
                rate: number,
            }),
            4 => Content::Points(array),
            5 => Content::Bytes(array.data),
            _ => Content::Table(v1::Table {
                rows: "t".to_owned(),
                row_count: u64::from(one) * u64::MAX,
                columns_json: "[\"a\"]".to_owned(),
                stored: vec![v1::table::Stored {
                    path: "media/serialized_data/x.npz".to_owned(),
                    key: "x".to_owned(),
                    array: Some(array),
                }],
                ..v1::Table::default()
            }),
        },
    )
}

proptest! {
    #[test]
    fn media_are_made_or_refused(
        content in contents(),
        extension in "\\.(png|jpg|bmp|wav|gif|json)",
        json in prop_oneof![Just("{}".to_owned()), Just("{\"a\":1} ".to_owned()), "[\\[\\]{}\",:a0]{0,12}"],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let media = v1::Media {
            id: "m".to_owned(),
            dir: "images".to_owned(),
            extension,
            row_json: json,
            measure: true,
            content: Some(content),
            ..v1::Media::default()
        };

        if let Ok(made) = wandbd_media::make(&media, &HashMap::new(), dir.path()) {
            let object = made.row_json.trim();
            prop_assert!(object.is_empty() || wandbd_media::python_json(object).is_ok(), "{object}");
            if let Some(file) = made.file {
                prop_assert_eq!(std::fs::metadata(&file.source).unwrap().len(), file.size);
            }
        }
    }
}
