//! Templates in rows and in the summary.

use wandbd_record::made::Linked;

use super::*;

fn made(id: &str) -> v1::Made {
    v1::Made {
        id: id.into(),
        dir: "images".into(),
        extension: ".png".into(),
        row_json: r#"{"_type":"image-file"}"#.into(),
        file: Some(v1::made::File {
            source: format!("/made/{id}.png"),
            sha256: "0123456789abcdef0123456789abcdef".into(),
            size: 7,
            ..v1::made::File::default()
        }),
        ..v1::Made::default()
    }
}

fn template(key: &str, text: &str) -> v1::Field {
    v1::Field {
        key: key.into(),
        value: Some(Value::Template(text.into())),
        ..v1::Field::default()
    }
}

fn call(step: Option<i64>, close: bool, field: v1::Field) -> v1::Record {
    v1::Record {
        kind: Some(Kind::Row(v1::Row {
            field: vec![field],
            timestamp: 101.0,
            close,
            step,
        })),
    }
}

fn row_of(record: &wandb::Record) -> Tree {
    let Some(RecordType::History(history)) = &record.record_type else {
        panic!("no row: {record:?}")
    };
    let mut row = Tree::new();
    for item in &history.item {
        row.set(
            &path::of_item(&item.key, &item.nested_key),
            item.value_json.as_str(),
        );
    }
    row
}

#[test]
fn a_template_is_filled_when_its_row_closes_and_its_file_comes_before_the_row() {
    let mut rows = Rows::new(100.0);
    let mut out = Vec::new();
    rows.learn(made("a"), &mut out);
    rows.apply(
        "s",
        call(Some(5), false, template("img", r#"{"$wandbd":"a"}"#)),
        &mut out,
    )
    .unwrap();
    assert!(rows.take_files().is_empty());

    rows.apply("s", call(Some(6), false, template("x", "1")), &mut out)
        .unwrap();

    let name = "media/images/img_5_0123456789abcdef0123.png";
    let kinds: Vec<_> = out
        .iter()
        .map(|record| record.record_type.as_ref())
        .collect();
    let [
        Some(RecordType::Telemetry(_)),
        Some(RecordType::Telemetry(_)),
        Some(RecordType::Files(files)),
        Some(RecordType::History(_)),
        ..,
    ] = kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert_eq!(files.files[0].path, name);
    assert_eq!(files.files[0].r#type(), wandb::files_item::FileType::Media);
    let row = row_of(&out[3]);
    assert_eq!(
        row.get(&["img", "path"]),
        Some(&Node::Leaf(format!("\"{name}\"")))
    );
    assert_eq!(row.get(&["_step"]), Some(&Node::Leaf("5".into())));
    assert_eq!(
        rows.take_files(),
        [Linked {
            name: name.into(),
            source: "/made/a.png".into()
        }]
    );
    assert!(rows.summary_json().contains(name));
}

#[test]
fn a_template_of_unknown_media_loses_its_value_by_name_and_the_row_is_kept() {
    let mut rows = Rows::new(100.0);
    let mut out = Vec::new();

    rows.apply(
        "s",
        call(None, true, template("img", r#"{"$wandbd":"b"}"#)),
        &mut out,
    )
    .unwrap();

    assert_eq!(row_of(&out[0]).get(&["img"]), None);
    let told = rows.take_warnings();
    assert!(
        told[0].contains("img") && told[0].contains("\"b\""),
        "{told:?}"
    );
}

#[test]
fn an_open_template_survives_a_restart() {
    let mut rows = Rows::new(100.0);
    let mut out = Vec::new();
    rows.learn(made("a"), &mut out);
    rows.apply(
        "s",
        call(
            None,
            false,
            template("img", r#"[{"$wandbd":"a","as":"name"}]"#),
        ),
        &mut out,
    )
    .unwrap();

    let mut back = Rows::new(100.0);
    for record in &out {
        back.replay(record).unwrap();
    }
    let mut later = Vec::new();
    back.apply("s", call(None, true, template("img2", "2")), &mut later)
        .unwrap();

    let row = row_of(later.last().unwrap());
    assert_eq!(
        row.get(&["img"]),
        Some(&Node::Leaf(r#"["img_0_0123456789abcdef0123.png"]"#.into()))
    );
    assert_eq!(back.take_files().len(), 1);
}

#[test]
fn the_summary_takes_media_too() {
    let mut rows = Rows::new(100.0);
    let mut out = Vec::new();
    rows.learn(made("a"), &mut out);
    let update = v1::SummaryUpdate {
        update: vec![
            template("best", r#"{"$wandbd":"a"}"#),
            template("lost", r#"{"$wandbd":"b"}"#),
        ],
        ..v1::SummaryUpdate::default()
    };

    rows.apply(
        "s",
        v1::Record {
            kind: Some(Kind::Summary(update)),
        },
        &mut out,
    )
    .unwrap();

    let summary = rows.summary_json();
    assert!(
        summary.contains("media/images/best_summary_0123456789abcdef0123.png"),
        "{summary}"
    );
    assert!(!summary.contains("lost"));
    assert_eq!(rows.take_files().len(), 1);
}

#[test]
fn a_row_longer_than_the_client_wants_loses_its_largest_value() {
    let opened = v1::Opened {
        run: Some(v1::OpenRun {
            server: Some(v1::Server {
                line_max_bytes: 2_000,
                ..v1::Server::default()
            }),
            ..v1::OpenRun::default()
        }),
        ..v1::Opened::default()
    };
    let mut rows = Rows::new(100.0);
    rows.replay(&note::carrier(v1::Note {
        opened: Some(opened),
        ..v1::Note::default()
    }))
    .unwrap();
    let mut out = Vec::new();
    let long = v1::Field {
        key: "long".into(),
        value: Some(Value::Text("x".repeat(3_000))),
        ..v1::Field::default()
    };

    rows.apply("s", call(None, true, long), &mut out).unwrap();

    assert_eq!(row_of(&out[0]).get(&["long"]), None);
    assert!(rows.take_warnings()[0].contains("2000"));
}
