//! The same outcome as numpy 2.4 and soundfile 0.14, which W&B's client uses: recorded from them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wandbd_record::v1;
use wandbd_record::v1::media::Content;

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn array(case: &Value, shape: Vec<u64>) -> v1::Array {
    v1::Array {
        dtype: case["dtype"].as_str().unwrap().to_owned(),
        shape,
        data: bytes(&case["data"]),
        source: String::new(),
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}

fn make(content: Content) -> (v1::Made, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let media = v1::Media {
        id: "m".to_owned(),
        dir: "audio".to_owned(),
        extension: ".wav".to_owned(),
        row_json: "{}".to_owned(),
        content: Some(content),
        ..v1::Media::default()
    };
    let made = wandbd_media::make(&media, &HashMap::new(), dir.path()).unwrap();
    (made, dir)
}

#[test]
fn histograms_equal_those_of_numpy_to_the_last_bit() {
    for case in cases(include_str!("recorded/numpy_histograms.json")) {
        let data = bytes(&case["data"]);
        let width: usize = case["dtype"].as_str().unwrap()[2..].parse().unwrap();
        let bins = u32::try_from(case["bins"].as_u64().unwrap()).unwrap();

        let (made, _dir) = make(Content::Histogram(v1::Binned {
            array: Some(array(&case, vec![(data.len() / width) as u64])),
            bins,
        }));

        let object: Value = serde_json::from_str(&made.row_json).unwrap();
        assert_eq!(object["values"], case["counts"], "{case}");
        let exact = |edges: &Value| -> Vec<u64> {
            let edges = edges.as_array().unwrap().iter();
            edges.map(|edge| edge.as_f64().unwrap().to_bits()).collect()
        };
        assert_eq!(exact(&object["bins"]), exact(&case["edges"]), "{case}");
    }
}

#[test]
fn sounds_equal_those_of_soundfile_to_the_last_byte() {
    for case in cases(include_str!("recorded/soundfile_wavs.json")) {
        let shape = case["shape"].as_array().unwrap().iter();

        let (made, _dir) = make(Content::Sound(v1::Sound {
            array: Some(array(
                &case,
                shape.map(|length| length.as_u64().unwrap()).collect(),
            )),
            rate: 8000,
        }));

        let file = std::fs::read(made.file.unwrap().source).unwrap();
        assert!(file == bytes(&case["file"]), "{}", case["dtype"]);
    }
}
