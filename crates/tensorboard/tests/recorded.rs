//! A file that tensorboardX 2.6 has written.

use std::path::Path;

use wandbd_tensorboard::{EventFile, Value, values_of};

#[test]
fn every_value_of_a_recorded_file_is_told_with_its_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tensorboardx.tfevents");
    let mut file = EventFile::open(&path).unwrap();
    let mut told = Vec::new();
    while let Some(event) = file.next_event().unwrap() {
        for named in values_of(&event) {
            let value = match named.value {
                Value::Number(text) => text,
                Value::Histogram { counts, edges } => format!("{counts:?} {edges:?}"),
                Value::Picture {
                    bytes,
                    width,
                    height,
                } => {
                    format!("{width}x{height} {:?}", &bytes[1..4])
                }
                Value::Other(plugin) => format!("({plugin})"),
            };
            told.push(format!("{} {} {value}", event.step, named.tag));
        }
    }

    assert_eq!(
        told,
        [
            "0 loss 1",
            "0 acc/top1 0",
            "1 loss 0.5",
            "1 acc/top1 0.5",
            "2 loss 0.33333334",
            "2 acc/top1 1",
            "5 weights [1.0, 1.0, 1.0] [1.0, 1.6666666666666665, 2.333333333333333, 3.0]",
            "6 img 5x4 [80, 78, 71]",
            "7 note/text_summary (text)",
            "8 last NaN",
        ]
    );
}
