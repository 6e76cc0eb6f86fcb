use super::*;

const SHA: &str = "b195b6713cc9de91236f00000000000000000000000000000000000000000000";

fn file(name: &str) -> v1::made::File {
    v1::made::File {
        source: format!("/made/{name}"),
        sha256: SHA.into(),
        md5: "XUFAKrxLKna5cZ2REBfFkg==".into(),
        size: 77,
    }
}

fn image(id: &str, masks: &str) -> v1::Made {
    let object = format!(r#"{{"_type":"image-file","width":6{masks}}}"#);
    v1::Made {
        id: id.into(),
        dir: "images".into(),
        extension: ".png".into(),
        row_json: object.clone(),
        artifact_json: object,
        file: Some(file(id)),
        inside: format!("media/images/{id}.png"),
        ..v1::Made::default()
    }
}

fn known(all: impl IntoIterator<Item = v1::Made>) -> HashMap<String, v1::Made> {
    all.into_iter()
        .map(|made| (made.id.clone(), made))
        .collect()
}

fn row(template: &str, known: &HashMap<String, v1::Made>) -> Result<String, BadTemplate> {
    in_row(template, "deep/seg", "2", known, &mut Vec::new())
}

#[test]
fn a_place_in_a_row_becomes_the_object_with_its_file() {
    let known = known([image("a", "")]);
    let mut files = Vec::new();

    let text = in_row(r#" {"$wandbd": "a"} "#, "deep/seg", "2", &known, &mut files).unwrap();

    let path = "media/images/deep/seg_2_b195b6713cc9de91236f.png";
    assert_eq!(
        text,
        format!(r#"{{"_type":"image-file","width":6,"sha256":"{SHA}","size":77,"path":"{path}"}}"#)
    );
    assert_eq!(
        files,
        [Linked {
            name: path.into(),
            source: "/made/a".into()
        }]
    );
}

#[test]
fn a_place_can_stand_for_one_field() {
    let known = known([image("a", "")]);
    let template = r#"{"filenames":[{"$wandbd":"a","as":"path"},{"$wandbd":"a","as":"name"}],
        "width":{"$wandbd":"a","as":"width"},"size":{"$wandbd":"a","as":"size"},
        "digest":{"$wandbd":"a","as":"digest"},"format":{"$wandbd":"a","as":"format"},"nan":[NaN, -Infinity]}"#;

    let text = row(template, &known).unwrap();

    assert_eq!(
        text,
        concat!(
            r#"{"filenames":["media/images/deep/seg_2_b195b6713cc9de91236f.png","deep/seg_2_b195b6713cc9de91236f.png"],"#,
            r#""width":6,"size":77,"digest":"XUFAKrxLKna5cZ2REBfFkg==","format":null,"nan":[NaN,-Infinity]}"#
        )
    );
}

#[test]
fn media_in_media_come_along_in_rows_and_artifacts() {
    let mask = v1::Made {
        dir: "images/mask".into(),
        ..image("m", "")
    };
    let known = known([image("a", r#","masks":{"p":{"$wandbd":"m"}}"#), mask]);
    let (mut files, mut parts) = (Vec::new(), Vec::new());

    let text = in_row(r#"{"$wandbd":"a"}"#, "k", "0", &known, &mut files).unwrap();
    let inside = in_artifact(r#"{"$wandbd":"a"}"#, &known, &mut parts).unwrap();

    assert!(text.contains(r#""path":"media/images/mask/k_0_b195b6713cc9de91236f.png""#));
    assert_eq!(files.len(), 2);
    assert!(inside.contains(r#""path":"media/images/m.png""#) && !inside.contains("size"));
    let places: Vec<_> = parts.iter().map(|part| part.inside.as_str()).collect();
    assert_eq!(places, ["media/images/a.png", "media/images/m.png"]);
}

#[test]
fn a_table_in_an_artifact_brings_its_cells_and_stored_arrays() {
    let table = v1::Made {
        id: "t".into(),
        artifact_json: r#"{"_type":"table"}"#.into(),
        part: vec!["a".into(), "a".into()],
        stored: vec![v1::made::Part {
            inside: "media/serialized_data/x.npz".into(),
            file: Some(file("x")),
        }],
        file: Some(file("run")),
        table: Some(file("artifact")),
        ..v1::Made::default()
    };
    let known = known([table, image("a", "")]);
    let mut parts = Vec::new();

    let text = in_artifact(r#"{"$wandbd":"t"}"#, &known, &mut parts).unwrap();

    assert_eq!(text, format!(r#"{{"_type":"table","sha256":"{SHA}"}}"#));
    let places: Vec<_> = parts.iter().map(|part| part.inside.as_str()).collect();
    assert_eq!(
        places,
        ["media/serialized_data/x.npz", "media/images/a.png"]
    );
}

#[test]
fn a_reference_is_a_part_without_a_file() {
    let made = v1::Made {
        file: None,
        reference: "https://h/x.png".into(),
        ..image("a", "")
    };
    let known = known([made]);
    let mut parts = Vec::new();

    let text = in_artifact(r#"{"$wandbd":"a"}"#, &known, &mut parts).unwrap();

    assert!(text.ends_with(r#""path":"media/images/a.png"}"#), "{text}");
    assert_eq!(parts[0].file.as_ref().unwrap().source, "https://h/x.png");
}

#[test]
fn what_cannot_be_filled_is_refused_with_its_reason() {
    let known = known([image("a", r#","masks":{"$wandbd":"a"}"#)]);

    assert_eq!(
        row(r#"{"$wandbd":"b"}"#, &known),
        Err(BadTemplate::Unknown("b".into()))
    );
    assert!(matches!(
        row(r#"{"$wandbd":"a"}"#, &known),
        Err(BadTemplate::Deep { .. })
    ));
    for text in [
        r#"{"$wandbd":1}"#,
        r#"{"$wandbd":"a","of":"b"}"#,
        r#"{"$wandbd":"a","as":"path","as":"path"}"#,
        r#"{"x":{"$wandbd":"a"#,
        r#"{"x":["$",}"#,
        "{} {}",
    ] {
        assert!(
            matches!(row(text, &known), Err(BadTemplate::Json(_))),
            "{text}"
        );
    }
}

#[test]
fn media_that_double_at_each_level_do_not_fill_the_memory() {
    let level = |at: usize| {
        let next = at + 1;
        let twice = format!(
            r#","l":[{}]"#,
            vec![format!(r#"{{"$wandbd":"{next}"}}"#); 50].join(",")
        );
        image(&at.to_string(), if at == 12 { "" } else { &twice })
    };
    let known = known((0..=12).map(level));

    let refused = row(r#"{"$wandbd":"0"}"#, &known).unwrap_err();

    assert!(
        matches!(
            refused,
            BadTemplate::Places { .. } | BadTemplate::Large { .. }
        ),
        "{refused}"
    );
}

#[test]
fn file_names_follow_the_key() {
    for (key, expect) in [
        ("loss", "loss_3_b195b6713cc9de91236f.png"),
        ("/a//b", "a/b_3_b195b6713cc9de91236f.png"),
        ("../.", "__/__3_b195b6713cc9de91236f.png"),
        ("a.b", "a.b_3_b195b6713cc9de91236f.png"),
    ] {
        assert_eq!(file_name(key, "3", SHA, ".png"), expect);
    }
    assert_eq!(file_name(&"ä".repeat(300), "3", SHA, ".png").len(), 255);
}
