//! Artifacts, step by step.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Reply, Server, destination, limits, opened};
use wandbd_record::wandb::{ArtifactManifest, ArtifactManifestEntry, ArtifactRecord};
use wandbd_upload::{ArtifactOutcome, Destination, SendError, Version};

const HELLO: &str = "XUFAKrxLKna5cZ2REBfFkg==";

fn entry(path: &str, source: &Path, size: i64) -> ArtifactManifestEntry {
    ArtifactManifestEntry {
        path: path.into(),
        digest: HELLO.into(),
        size,
        local_path: source.to_string_lossy().into_owned(),
        ..ArtifactManifestEntry::default()
    }
}

fn record(contents: Vec<ArtifactManifestEntry>) -> Version {
    let record = ArtifactRecord {
        r#type: "model".into(),
        name: "run_run1_model".into(),
        digest: "33dc".into(),
        aliases: vec!["latest".into(), "epoch_1".into()],
        client_id: "c".repeat(128),
        finalize: true,
        manifest: Some(ArtifactManifest {
            version: 1,
            contents,
            ..ArtifactManifest::default()
        }),
        ..ArtifactRecord::default()
    };
    Version {
        record,
        ..Version::default()
    }
}

fn committed() -> ArtifactOutcome {
    ArtifactOutcome {
        id: "ART".into(),
        new: true,
    }
}

fn node(address: &Value) -> Value {
    json!({"node": {
        "storagePath": "s/p", "uploadUrl": address, "uploadHeaders": [format!("Content-MD5:{HELLO}")],
        "artifact": {"id": "BIRTH"},
    }})
}

fn files(nodes: &[Value]) -> Reply {
    Reply::data(&json!({"createArtifactFiles": {"files": {"edges": nodes}}}))
}

/// Says all that leads up to the files, and what comes after them.
fn scripted(server: &Server, state: &str) {
    let latest = json!({"latestArtifact": {"id": "BASE"}});
    let artifact = json!({"id": "ART", "state": state, "artifactSequence": latest});
    let none = json!({"serverInfo": {"features": []}});
    server.reply("Features", Reply::data(&none)).reply(
        "CreateArtifact",
        Reply::data(&json!({"createArtifact": {"artifact": artifact}})),
    );
    let manifest = |file: Value| {
        Reply::data(
            &json!({"createArtifactManifest": {"artifactManifest": {"id": "MAN", "file": file}}}),
        )
    };
    let address = format!("{}/up/manifest", server.url);
    server
        .reply("CreateArtifactManifest", manifest(Value::Null))
        .reply(
            "CreateArtifactManifest",
            manifest(json!({"id": "F", "uploadUrl": address, "uploadHeaders": []})),
        )
        .reply("PUT /up/manifest", Reply::status(200))
        .reply(
            "CommitArtifact",
            Reply::data(&json!({"commitArtifact": {"artifact": {"id": "ART"}}})),
        );
}

fn hello(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("hello.txt");
    std::fs::write(&path, "hello").unwrap();
    path
}

/// Sends an artifact with one file that is new to the server and one that is not.
async fn one_new_file() -> Server {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let folder = tempfile::tempdir().unwrap();
    let path = hello(&folder);
    let address = json!(format!("{}/up/a?signature=hush", server.url));
    server.reply(
        "CreateArtifactFiles",
        files(&[node(&address), node(&Value::Null)]),
    );
    server.reply("PUT /up/a", Reply::status(200));
    let record = record(vec![
        entry("a.txt", &path, 5),
        entry("stored.txt", &path, 5),
    ]);

    let outcome = server
        .destination()
        .artifact(&opened(), &record)
        .await
        .unwrap();

    assert_eq!(outcome, committed());
    server
}

#[tokio::test]
async fn an_artifact_is_created_filled_and_committed_in_this_order() {
    let server = one_new_file().await;

    assert_eq!(
        server.names(),
        [
            "Features",
            "CreateArtifact",
            "CreateArtifactManifest",
            "CreateArtifactFiles",
            "PUT /up/a",
            "CreateArtifactManifest",
            "PUT /up/manifest",
            "CommitArtifact"
        ]
    );
}

#[tokio::test]
async fn an_artifact_is_described_as_the_server_wants_it() {
    let server = one_new_file().await;

    let input = server.call("CreateArtifact").variables()["input"].clone();
    assert_eq!(input["artifactCollectionName"], "run_run1_model");
    assert_eq!(
        (&input["runName"], &input["entityName"]),
        (&json!("run1"), &json!("me"))
    );
    assert_eq!(
        input["aliases"][1],
        json!({"artifactCollectionName": "run_run1_model", "alias": "epoch_1"})
    );
    assert_eq!(input.get("tags"), None);
    let announced = server.call("CreateArtifactFiles").variables()["input"].clone();
    assert_eq!(announced["artifactFiles"][0]["md5"], HELLO);
    assert_eq!(announced.get("digestAlgorithm"), None);
    let put = server.call("PUT /up/a");
    assert_eq!(
        (put.body.as_ref(), put.header("content-md5")),
        (&b"hello"[..], Some(HELLO))
    );
    let manifest = server.call("PUT /up/manifest");
    let contents = &manifest.json()["contents"];
    assert_eq!(
        contents["a.txt"],
        json!({"digest": HELLO, "size": 5, "birthArtifactID": "BIRTH"})
    );
    for call in server
        .calls()
        .iter()
        .filter(|call| call.name.starts_with("PUT"))
    {
        assert_eq!(call.header("authorization"), None);
    }
    let second = &server.calls()[5].variables();
    assert_eq!(
        (&second["base"], &second["type"]),
        (&json!("BASE"), &json!("FULL"))
    );
    assert_ne!(second["digest"], "");
}

#[tokio::test]
async fn content_that_the_server_has_makes_no_new_version() {
    let server = Server::start().await;
    scripted(&server, "COMMITTED");

    let outcome = server
        .destination()
        .artifact(&opened(), &record(Vec::new()))
        .await
        .unwrap();

    assert_eq!((outcome.id.as_str(), outcome.new), ("ART", false));
    assert_eq!(server.names(), ["Features", "CreateArtifact"]);
}

#[tokio::test]
async fn a_file_that_vanished_or_changed_is_named_and_nothing_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    for source in [folder.path().join("vanished"), hello(&folder)] {
        let server = Server::start().await;
        scripted(&server, "PENDING");
        server.reply(
            "CreateArtifactFiles",
            files(&[node(&json!(format!("{}/up/a", server.url)))]),
        );

        let record = record(vec![entry("a.txt", &source, 7)]);
        let error = server
            .destination()
            .artifact(&opened(), &record)
            .await
            .unwrap_err();

        assert!(
            matches!(&error, SendError::Missing { path, .. } if *path == source),
            "{error:?}"
        );
        assert!(!server.names().contains(&"CommitArtifact".to_owned()));
    }
}

#[tokio::test]
async fn a_few_files_that_fail_get_fresh_addresses_and_many_are_left_to_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let path = hello(&folder);
    let address = |server: &Server, name: &str| node(&json!(format!("{}/up/{name}", server.url)));
    let entries = || ["a", "b", "c"].map(|name| entry(name, &path, 5)).to_vec();

    let server = Server::start().await;
    scripted(&server, "PENDING");
    server.reply(
        "CreateArtifactFiles",
        files(&["a", "b", "c"].map(|name| address(&server, name))),
    );
    server.reply("CreateArtifactFiles", files(&[address(&server, "b2")]));
    for (name, status) in [("a", 200), ("b", 403), ("c", 200), ("b2", 200)] {
        server.reply(&format!("PUT /up/{name}"), Reply::status(status));
    }
    let outcome = server
        .destination()
        .artifact(&opened(), &record(entries()))
        .await
        .unwrap();
    assert_eq!(outcome, committed());

    let server = Server::start().await;
    scripted(&server, "PENDING");
    server.reply(
        "CreateArtifactFiles",
        files(&["a", "b", "c"].map(|name| address(&server, name))),
    );
    for (name, status) in [("a", 200), ("b", 403), ("c", 404)] {
        server.reply(&format!("PUT /up/{name}"), Reply::status(status));
    }
    let error = server
        .destination()
        .artifact(&opened(), &record(entries()))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Expired { .. }), "{error:?}");
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts() {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::write(&path, "hellohellohe").unwrap();
    let part = |number: u64| json!({"partNumber": number, "uploadUrl": format!("{}/up/{number}", server.url)});
    let mut large = node(&json!("http://not.used"));
    large["node"]["uploadMultipartUrls"] =
        json!({"uploadID": "U", "uploadUrlParts": [part(1), part(2), part(3)]});
    server.reply("CreateArtifactFiles", files(&[large]));
    for (number, etag) in [("1", "\"e1\""), ("2", "\"e2\""), ("3", "\"e3\"")] {
        server.reply(
            &format!("PUT /up/{number}"),
            Reply::status(200).with("etag", etag),
        );
    }
    let done = json!({"completeMultipartUploadArtifact": {"digest": "d"}});
    server.reply("CompleteMultipartUploadArtifact", Reply::data(&done));
    let mut small = limits();
    small.multipart_from = 10;
    small.part_bytes = 5;

    let record = record(vec![entry("large", &path, 12)]);
    destination(server.settings(), small)
        .artifact(&opened(), &record)
        .await
        .unwrap();

    let announced = server.call("CreateArtifactFiles").variables();
    let parts = &announced["input"]["artifactFiles"][0]["uploadPartsInput"];
    assert_eq!(
        parts[0],
        json!({"partNumber": 1, "hexMD5": "5d41402abc4b2a76b9719d911017c592"})
    );
    for (number, expect) in [("1", "hello"), ("2", "hello"), ("3", "he")] {
        let call = server.call(&format!("PUT /up/{number}"));
        assert_eq!(call.body, expect.as_bytes());
        assert!(call.header("content-md5").is_some() && call.header("authorization").is_none());
    }
    let completed = server.call("CompleteMultipartUploadArtifact").variables();
    assert_eq!(
        completed["parts"][2],
        json!({"partNumber": 3, "hexMD5": "\"e3\""})
    );
    assert_eq!(
        (&completed["upload"], &completed["path"]),
        (&json!("U"), &json!("s/p"))
    );
}

#[tokio::test]
async fn references_by_client_id_become_references_by_server_id() {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    // base64 of `A:1`
    server.reply(
        "ClientIDMapping",
        Reply::data(&json!({"clientIDMapping": {"serverID": "QTox"}})),
    );
    let reference = ArtifactManifestEntry {
        path: "t".into(),
        digest: "d".into(),
        r#ref: "wandb-client-artifact://abc/dir/t.json".into(),
        ..ArtifactManifestEntry::default()
    };

    server
        .destination()
        .artifact(&opened(), &record(vec![reference]))
        .await
        .unwrap();

    assert_eq!(
        server.call("ClientIDMapping").variables(),
        json!({"client": "abc"})
    );
    let manifest = server.call("PUT /up/manifest").json();
    assert_eq!(
        manifest["contents"]["t"]["ref"],
        "wandb-artifact://413a31/dir/t.json"
    );
}
