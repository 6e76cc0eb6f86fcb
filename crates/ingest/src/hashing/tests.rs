use super::*;

fn hashing(dir: &Path, files: Vec<Given>) -> Hashing {
    Hashing {
        artifact: v1::Artifact {
            name: "a".into(),
            r#type: "t".into(),
            client_id: "c".repeat(128),
            file: files,
            ..v1::Artifact::default()
        },
        open: v1::OpenRun {
            run_id: "r".into(),
            ..v1::OpenRun::default()
        },
        shelf: Shelf::default(),
        made_dir: dir.join("made"),
    }
}

/// A file as it is accepted.
fn local(dir: &Path, name: &str, text: &str) -> Given {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    Given {
        path: name.into(),
        source: path.display().to_string(),
        size: text.len() as u64,
        ..Given::default()
    }
}

fn entries(record: &wandb::Record) -> Vec<wandb::ArtifactManifestEntry> {
    let Some(RecordType::Artifact(artifact)) = &record.record_type else {
        panic!("{record:?}")
    };
    artifact.manifest.clone().unwrap().contents
}

fn note_of(record: &wandb::Record) -> v1::Note {
    note::note_of(record).unwrap().unwrap()
}

#[test]
fn many_files_are_hashed_and_come_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = (0..100)
        .rev()
        .map(|number| local(dir.path(), &format!("{number:03}"), &number.to_string()))
        .collect();
    files.push(local(dir.path(), "empty", ""));
    files.push(local(dir.path(), "hello", "hello"));

    let entries = entries(&hashing(dir.path(), files).run().unwrap());

    let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert!(paths.is_sorted() && paths.len() == 102);
    assert_eq!(entries[100].digest, "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(entries[101].digest, "XUFAKrxLKna5cZ2REBfFkg==");
    assert_eq!(entries[101].size, 5);
}

#[test]
fn a_file_that_is_not_as_it_was_handed_over_loses_the_artifact_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let longer = local(dir.path(), "longer", "one");
    let shorter = local(dir.path(), "shorter", "one");
    let gone = local(dir.path(), "gone", "one");
    let pipe = local(dir.path(), "pipe", "one");
    fs::write(&longer.source, "one and two").unwrap();
    fs::write(&shorter.source, "o").unwrap();
    for path in [&gone.source, &pipe.source] {
        fs::remove_file(path).unwrap();
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe.source, rustix::fs::Mode::RUSR).unwrap();

    for (file, what) in [
        (longer, "3 bytes then, 11 now"),
        (shorter, "3 bytes then, 1 now"),
        (gone, "cannot read"),
        (pipe, "no file"),
    ] {
        let path = file.source.clone();
        let told = hashing(dir.path(), vec![file])
            .run()
            .unwrap_err()
            .to_string();

        assert!(told.contains(what) && told.contains(&path), "{told}");
    }
}

#[test]
fn references_are_not_read_unless_they_are_files() {
    let dir = tempfile::tempdir().unwrap();
    let hello = local(dir.path(), "hello", "hello");
    let reference = |path: &str, uri: &str| Given {
        path: path.into(),
        reference: uri.into(),
        ..Given::default()
    };
    let files = vec![
        Given {
            ask: true,
            ..reference("a", "https://h/a")
        },
        Given {
            digest: "etag".into(),
            size: 9,
            extra_json: r#"{"versionID":"v"}"#.into(),
            ..reference("b", "s3://b/b")
        },
        reference("c", &format!("file://{}", hello.source)),
        Given {
            path: "d".into(),
            birth_id: "QQ==".into(),
            digest: "XUFAKrxLKna5cZ2REBfFkg==".into(),
            size: 5,
            ..Given::default()
        },
    ];

    let record = hashing(dir.path(), files).run().unwrap();

    let found: Vec<_> = entries(&record)
        .into_iter()
        .map(|entry| (entry.r#ref, entry.digest, entry.size, entry.local_path))
        .collect();
    let md5 = "XUFAKrxLKna5cZ2REBfFkg==".to_owned();
    let none = String::new();
    assert_eq!(
        found,
        [
            ("https://h/a".into(), "https://h/a".into(), 0, none.clone()),
            ("s3://b/b".into(), "etag".into(), 9, none.clone()),
            (
                format!("file://{}", hello.source),
                md5.clone(),
                5,
                none.clone()
            ),
            (none.clone(), md5, 5, none),
        ]
    );
    assert_eq!(note_of(&record).ask, ["a"]);
}

/// A picture at two places, and a table that holds it.
fn with_media(dir: &Path) -> Hashing {
    let mut one = hashing(
        dir,
        vec![
            Given {
                path: "pic.image-file.json".into(),
                media: "m".into(),
                ..Given::default()
            },
            Given {
                path: "again.image-file.json".into(),
                media: "m".into(),
                ..Given::default()
            },
            Given {
                path: "t.table.json".into(),
                media: "t".into(),
                ..Given::default()
            },
        ],
    );
    let file = |name: &str| {
        Some(v1::made::File {
            source: format!("/made/{name}"),
            sha256: "ab".into(),
            md5: "XUFAKrxLKna5cZ2REBfFkg==".into(),
            size: 5,
        })
    };
    one.shelf.put(
        v1::Made {
            id: "m".into(),
            artifact_json: r#"{"format":"png","_type":"image-file"}"#.into(),
            file: file("m.png"),
            inside: "media/images/x.png".into(),
            ..v1::Made::default()
        }
        .into(),
    );
    one.shelf.put(
        v1::Made {
            id: "t".into(),
            artifact_json: r#"{"_type":"table"}"#.into(),
            file: file("run"),
            table: file("table"),
            part: vec!["m".into()],
            ..v1::Made::default()
        }
        .into(),
    );

    one
}

#[test]
fn media_in_an_artifact_bring_their_object_and_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = with_media(dir.path());

    let entries = entries(&one.run().unwrap());

    let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "again.image-file.json",
            "media/images/x.png",
            "pic.image-file.json",
            "t.table.json"
        ]
    );
    assert_eq!(
        fs::read_to_string(&entries[2].local_path).unwrap(),
        r#"{"_type": "image-file", "format": "png", "path": "media/images/x.png", "sha256": "ab"}"#
    );
    assert_eq!(entries[3].local_path, "/made/table");
    one.shelf = Shelf::default();
    assert!(
        one.run()
            .unwrap_err()
            .to_string()
            .contains("pic.image-file.json")
    );
}

#[test]
fn a_digest_that_was_taken_with_the_copy_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let hello = Given {
        staged: true,
        digest: "MDEyMzQ1Njc4OWFiY2RlZg==".into(),
        ..local(dir.path(), "hello", "hello")
    };

    let entries = entries(&hashing(dir.path(), vec![hello]).run().unwrap());

    assert_eq!(entries[0].digest, "MDEyMzQ1Njc4OWFiY2RlZg==");
    assert_eq!(entries[0].size, 5);
}
