use std::collections::HashMap;
use std::fs;

use super::*;

fn media(content: Content) -> v1::Media {
    v1::Media {
        id: "m".to_owned(),
        dir: "images".to_owned(),
        extension: ".png".to_owned(),
        row_json: r#"{"_type":"image-file"}"#.to_owned(),
        artifact_json: "{ }".to_owned(),
        measure: true,
        content: Some(content),
        ..v1::Media::default()
    }
}

fn array(dtype: &str, shape: &[u64], data: Vec<u8>) -> v1::Array {
    v1::Array {
        dtype: dtype.to_owned(),
        shape: shape.to_vec(),
        data,
        source: String::new(),
    }
}

fn pixels() -> v1::Media {
    media(Content::Pixels(v1::Pixels {
        array: Some(array("|u1", &[2, 3], vec![1, 2, 3, 4, 5, 6])),
        normalize: false,
        channels_first: false,
    }))
}

fn made(media: &v1::Media, dir: &Path) -> Result<v1::Made, MediaError> {
    make(media, &HashMap::new(), dir)
}

#[test]
fn a_picture_has_a_file_its_size_and_a_place_in_artifacts() {
    let dir = tempfile::tempdir().unwrap();

    let made = made(&pixels(), dir.path()).unwrap();

    let file = made.file.unwrap();
    let bytes = fs::read(&file.source).unwrap();
    assert_eq!(
        image::load_from_memory(&bytes)
            .unwrap()
            .to_luma8()
            .into_raw(),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(file.size, bytes.len() as u64);
    assert_eq!(
        made.row_json,
        r#"{"_type":"image-file","width":3,"height":2}"#
    );
    assert_eq!(made.artifact_json, r#"{"width":3,"height":2}"#);
    assert!(
        made.inside.starts_with("media/images/") && made.inside.len() == 13 + 20 + 4,
        "{}",
        made.inside
    );
}

#[test]
fn the_same_media_is_made_again_with_the_same_outcome() {
    let dir = tempfile::tempdir().unwrap();

    let first = made(&pixels(), dir.path()).unwrap();
    let again = made(&pixels(), dir.path()).unwrap();

    assert_eq!(first, again);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_users_file_keeps_its_name_and_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("given.png");
    let bitmap = pixels::bitmap(match &pixels().content {
        Some(Content::Pixels(pixels)) => pixels,
        _ => panic!("pixels"),
    });
    fs::write(
        &source,
        picture::encode(bitmap.unwrap(), ".png", "x").unwrap(),
    )
    .unwrap();
    let mut given = media(Content::File(v1::media::Source {
        path: source.to_str().unwrap().to_owned(),
        staged: false,
    }));
    given.basename = "my cat.png".to_owned();

    let made = made(&given, dir.path()).unwrap();

    let file = made.file.unwrap();
    assert_eq!(
        made.inside,
        format!("media/images/{}/my cat.png", &file.sha256[..20])
    );
    assert!(made.row_json.ends_with("\"width\":3,\"height\":2}"));
    assert_eq!(fs::read(&source).unwrap(), fs::read(&file.source).unwrap());
    assert!(private_files(&given).is_empty());
}

#[test]
fn a_private_file_is_taken_over_also_after_its_name_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("staged");
    fs::write(&source, "<p>").unwrap();
    let mut given = media(Content::File(v1::media::Source {
        path: source.to_str().unwrap().to_owned(),
        staged: true,
    }));
    given.extension = ".html".to_owned();

    let first = made(&given, dir.path()).unwrap();
    fs::remove_file(private_files(&given)[0]).unwrap();
    let again = made(&given, dir.path()).unwrap();

    assert_eq!(first, again);
    assert_eq!(first.file.unwrap().size, 3);
}

#[test]
fn a_histogram_has_no_file_but_counts_and_edges() {
    let dir = tempfile::tempdir().unwrap();
    let mut given = media(Content::Histogram(v1::Binned {
        array: Some(array("|u1", &[3], vec![1, 2, 3])),
        bins: 2,
    }));
    given.row_json = r#"{"_type":"histogram"}"#.to_owned();

    let made = made(&given, dir.path()).unwrap();

    assert_eq!(
        made.row_json,
        r#"{"_type":"histogram","values":[1,2],"bins":[1.0,2.0,3.0]}"#
    );
    assert!(made.file.is_none() && made.inside.is_empty());
}

#[test]
fn figures_are_written_compact_and_what_users_wrote_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = b"{\"y\": [1e-07, 2.0, NaN], \"t\": \"\\u00fc\"}".to_vec();
    let file = |extension: &str| {
        let mut given = media(Content::Bytes(text.clone()));
        given.extension = extension.to_owned();
        fs::read(made(&given, dir.path()).unwrap().file.unwrap().source).unwrap()
    };

    let compact = "{\"y\":[1e-7,2.0,NaN],\"t\":\"ü\"}";
    assert_eq!(file(".plotly.json"), compact.as_bytes());
    assert_eq!(file(".pts.json"), text);
}

#[test]
fn an_address_takes_the_place_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut given = media(Content::Bytes(vec![]));
    given.content = None;
    given.reference = "s3://bucket/a/cat.png".to_owned();

    let made = made(&given, dir.path()).unwrap();

    let sha256 = keep::sha256_of("s3://bucket/a/cat.png");
    assert_eq!(made.reference, "s3://bucket/a/cat.png");
    assert_eq!(
        made.inside,
        format!("media/images/{}/cat.png", &sha256[..20])
    );
    assert_eq!(made.artifact_json, format!(r#"{{"sha256":"{sha256}"}}"#));
    assert!(made.file.is_none());
}

#[test]
fn media_without_content_are_their_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut given = media(Content::Bytes(vec![]));
    given.content = None;

    let made = made(&given, dir.path()).unwrap();

    assert!(made.file.is_none());
    assert_eq!(made.row_json, given.row_json);
    given.artifact_json = "[1, 2]".to_owned();
    assert_eq!(
        super::tests::made(&given, dir.path())
            .unwrap()
            .artifact_json,
        "[1, 2]"
    );
}

#[test]
fn names_and_json_that_are_none_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spoiled: [fn(&mut v1::Media); 9] = [
        |media| media.id = "../m".to_owned(),
        |media| media.id = String::new(),
        |media| media.extension = "/x".to_owned(),
        |media| media.extension = ".rows".to_owned(),
        |media| media.dir = "../images".to_owned(),
        |media| media.dir = "/images".to_owned(),
        |media| media.basename = "a/b".to_owned(),
        |media| media.row_json = "[]".to_owned(),
        |media| media.artifact_json = "{".to_owned(),
    ];
    for (at, spoil) in spoiled.into_iter().enumerate() {
        let mut given = pixels();
        spoil(&mut given);

        let refused = made(&given, dir.path()).unwrap_err();

        assert!(!refused.is_disk(), "{at}: {refused}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn arrays_come_from_private_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("array");
    fs::write(&source, [1, 2, 3, 4, 5, 6]).unwrap();
    let mut given = pixels();
    if let Some(Content::Pixels(pixels)) = &mut given.content {
        let array = pixels.array.as_mut().unwrap();
        array.data.clear();
        array.source = source.to_str().unwrap().to_owned();
    }

    let from_file = made(&given, dir.path()).unwrap();

    assert_eq!(private_files(&given), [source.as_path()]);
    assert_eq!(from_file.file, made(&pixels(), dir.path()).unwrap().file);
}

#[test]
fn a_disk_that_refuses_is_told_from_bad_media() {
    let dir = tempfile::tempdir().unwrap();

    let refused = made(&pixels(), &dir.path().join("gone")).unwrap_err();

    assert!(refused.is_disk(), "{refused}");
}
