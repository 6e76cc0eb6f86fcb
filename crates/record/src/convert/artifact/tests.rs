use super::*;

fn artifact() -> v1::Artifact {
    v1::Artifact {
        name: "run_abc_model".into(),
        r#type: "model".into(),
        alias: vec!["epoch_0".into(), "latest".into()],
        ..v1::Artifact::default()
    }
}

fn hello() -> HashedFile {
    HashedFile {
        path: "dir/f.txt".into(),
        digest: "XUFAKrxLKna5cZ2REBfFkg==".into(),
        size: 5,
        content: Content::File("/tmp/f.txt".into()),
        skip_cache: false,
    }
}

#[test]
fn the_digest_is_the_one_that_wandb_computes() {
    let record = artifact_record(&RunRecord::default(), &artifact(), &[hello()]).unwrap();

    assert_eq!(record.digest, "33dc0dd41b692295dde50eeb49415311");
    assert_eq!(record.aliases, ["latest", "epoch_0"]);
    assert!(record.finalize);
    assert_eq!(record.digest_algorithm, "MANIFEST_MD5");
}

#[test]
fn two_files_of_one_path_are_refused() {
    let error = artifact_record(&RunRecord::default(), &artifact(), &[hello(), hello()]);

    assert!(matches!(error, Err(BadArtifact::Path { path, .. }) if path == "dir/f.txt"));
}

fn of(path: &str, change: fn(&mut File)) -> File {
    let mut file = File {
        path: path.into(),
        ..File::default()
    };
    change(&mut file);
    file
}

#[test]
fn references_and_known_content_are_entries_without_a_file() {
    let reference = HashedFile {
        path: "big.csv".into(),
        digest: "abc".into(),
        content: Content::Reference {
            uri: "s3://b/big.csv".into(),
            extra_json: r#"{"etag": "abc", "versionID": 1}"#.into(),
        },
        ..hello()
    };
    let known = HashedFile {
        content: Content::Known("QQ==".into()),
        ..hello()
    };
    let given = v1::Artifact {
        unfinished: true,
        only_used: true,
        incremental: true,
        storage_region: "eu".into(),
        ttl_s: Some(-1),
        ..artifact()
    };

    let record = artifact_record(&RunRecord::default(), &given, &[known, reference]).unwrap();

    let manifest = record.manifest.unwrap();
    let [csv, text] = &manifest.contents[..] else {
        panic!("{manifest:?}")
    };
    assert_eq!(
        (csv.r#ref.as_str(), csv.local_path.as_str()),
        ("s3://b/big.csv", "")
    );
    let extra: Vec<_> = csv
        .extra
        .iter()
        .map(|item| (item.key.as_str(), item.value_json.as_str()))
        .collect();
    assert_eq!(extra, [("etag", "\"abc\""), ("versionID", "1")]);
    assert_eq!(
        (text.birth_artifact_id.as_str(), text.local_path.as_str()),
        ("QQ==", "")
    );
    assert!(!record.finalize && record.user_created && record.use_after_commit);
    assert_eq!(record.ttl_duration_seconds, -2);
    assert_eq!(manifest.storage_policy_config[1].value_json, "\"eu\"");
    assert_eq!(said_of(&given).unwrap().storage_region, "eu");
    assert_eq!(said_of(&artifact()), None);
}

#[test]
fn a_link_names_one_version_and_one_collection() {
    let link = |client: &str, server: &str, target: &str| v1::Link {
        client_id: client.into(),
        artifact_id: server.into(),
        target: target.into(),
        alias: Vec::new(),
    };
    for good in [link("c", "", "a"), link("", "s", "e/p/a")] {
        assert_eq!(check_link(&good), Ok(()));
    }
    for bad in [
        link("", "", "a"),
        link("c", "s", "a"),
        link("c", "", ""),
        link("c", "", "a//b"),
        link("c", "", "a/b/c/d"),
    ] {
        assert!(check_link(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn names_aliases_and_metadata_follow_the_rules() {
    type Change = fn(&mut v1::Artifact);
    let bad: [Change; 15] = [
        |one| one.name = String::new(),
        |one| one.name = "x".repeat(129),
        |one| one.name = "a/b".into(),
        |one| one.name = "ä".into(),
        |one| one.r#type = String::new(),
        |one| one.alias = vec!["v:1".into()],
        |one| one.alias = vec![String::new()],
        |one| one.metadata_json = "[1]".into(),
        |one| one.tag = vec!["a/b".into()],
        |one| one.tag = vec![" ".into()],
        |one| one.file = vec![File::default()],
        |one| one.file = vec![of("a", |file| file.source = "b".into())],
        |one| {
            one.file = vec![of("a", |file| {
                file.source = "/b".into();
                file.reference = "s3://b".into();
            })];
        },
        |one| one.file = vec![of("a", |file| file.birth_id = "QQ==".into())],
        |one| {
            one.file = vec![of("a", |file| {
                file.reference = "s3://b".into();
                file.extra_json = "1".into();
            })];
        },
    ];
    for change in bad {
        let mut given = artifact();
        change(&mut given);

        assert!(check_artifact(&given).is_err(), "{given:?}");
    }
    assert_eq!(check_artifact(&artifact()), Ok(()));
}
