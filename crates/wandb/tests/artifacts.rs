//! Artifacts, step by step.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Reply, Server, destination, limits, opened};
use wandbd_record::v1;
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

/// A file of three parts, of which the second fails once with this status.
async fn interrupted(status: u16) -> (Server, Version, tempfile::TempDir, SendError) {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::write(&path, "hellohellohe").unwrap();
    server.reply("CreateArtifactFiles", files(&[in_parts(&server, "U")]));
    for (number, status) in [("1", 200), ("2", status), ("3", 200)] {
        let reply = Reply::status(status).with("etag", &format!("\"e{number}\""));
        server.reply(&format!("PUT /up/U/{number}"), reply);
    }
    let mut version = record(vec![entry("large", &path, 12)]);
    version.parts = folder.path().join("parts/large.json");

    let error = of_parts(&server)
        .artifact(&opened(), &version)
        .await
        .unwrap_err();

    (server, version, folder, error)
}

fn in_parts(server: &Server, upload: &str) -> Value {
    let part = |number: u64| {
        let address = format!("{}/up/{upload}/{number}", server.url);
        json!({"partNumber": number, "uploadUrl": address})
    };
    let mut large = node(&json!("http://not.used"));
    large["node"]["uploadMultipartUrls"] =
        json!({"uploadID": upload, "uploadUrlParts": [part(1), part(2), part(3)]});
    large
}

/// What a daemon that was killed leaves is in files only: this one is new.
fn of_parts(server: &Server) -> wandbd_wandb::WandbDestination {
    let mut small = limits();
    small.multipart_from = 10;
    small.part_bytes = 5;
    destination(server.settings(), small)
}

/// The answers to another attempt.
fn another(server: &Server) {
    server.be_silent();
    scripted(server, "PENDING");
    let done = json!({"completeMultipartUploadArtifact": {"digest": "d"}});
    server.reply("CompleteMultipartUploadArtifact", Reply::data(&done));
}

fn count(server: &Server, name: &str) -> usize {
    let names = server.names();
    names.iter().filter(|one| *one == name).count()
}

#[tokio::test]
async fn an_upload_in_parts_goes_on_after_a_kill_without_a_second_copy_of_a_part() {
    let (server, version, _folder, error) = interrupted(500).await;
    assert!(matches!(error, SendError::Server { .. }), "{error:?}");
    another(&server);
    let second = Reply::status(200).with("etag", "\"again\"");
    server.reply("PUT /up/U/2", second);

    let outcome = of_parts(&server).artifact(&opened(), &version).await;

    assert_eq!(outcome.unwrap(), committed());
    let puts = ["1", "2", "3"].map(|number| count(&server, &format!("PUT /up/U/{number}")));
    assert_eq!(puts, [1, 2, 1]);
    assert_eq!(count(&server, "CreateArtifactFiles"), 1);
    let completed = server.call("CompleteMultipartUploadArtifact").variables();
    let tags = completed["parts"].as_array().unwrap();
    let tags: Vec<&str> = tags
        .iter()
        .map(|part| part["hexMD5"].as_str().unwrap())
        .collect();
    assert_eq!(tags, ["\"e1\"", "\"again\"", "\"e3\""]);
    let manifest = server
        .calls()
        .into_iter()
        .rfind(|call| call.name == "PUT /up/manifest");
    let contents = manifest.unwrap().json()["contents"].clone();
    assert_eq!(contents["large"]["birthArtifactID"], "BIRTH");
}

#[tokio::test]
async fn an_upload_in_parts_whose_addresses_have_run_out_begins_anew() {
    let (server, version, _folder, error) = interrupted(403).await;
    assert!(matches!(error, SendError::Expired { .. }), "{error:?}");
    another(&server);
    server.reply("CreateArtifactFiles", files(&[in_parts(&server, "V")]));
    for number in ["1", "2", "3"] {
        let reply = Reply::status(200).with("etag", "\"e\"");
        server.reply(&format!("PUT /up/V/{number}"), reply);
    }

    let outcome = of_parts(&server).artifact(&opened(), &version).await;

    assert_eq!(outcome.unwrap(), committed());
    let completed = server.call("CompleteMultipartUploadArtifact").variables();
    assert_eq!(completed["upload"], "V");
}

#[tokio::test]
async fn a_file_that_changed_but_kept_its_size_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.txt");
    std::fs::write(&path, "jello").unwrap();
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let address = json!(format!("{}/up/a", server.url));
    server.reply("CreateArtifactFiles", files(&[node(&address)]));

    let version = record(vec![entry("a.txt", &path, 5)]);
    let error = server.destination().artifact(&opened(), &version).await;

    let error = error.unwrap_err().explain();
    assert!(
        error.contains("hello.txt") && error.contains("changed since it was logged"),
        "{error}"
    );
    assert_eq!(count(&server, "PUT /up/a"), 0);
}

#[tokio::test]
async fn a_large_file_that_the_storage_refuses_is_read_again_to_tell_who_is_to_blame() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::write(&path, vec![b'x'; 300 << 10]).unwrap();
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let address = json!(format!("{}/up/a", server.url));
    server.reply("CreateArtifactFiles", files(&[node(&address)]));
    server.reply("PUT /up/a", Reply::status(400));

    let version = record(vec![entry("large", &path, 300 << 10)]);
    let error = server.destination().artifact(&opened(), &version).await;

    let error = error.unwrap_err();
    assert!(matches!(error, SendError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_reference_is_asked_for_its_digest_and_the_artifact_gets_another_one() {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    server.reply(
        "HEAD /web/x",
        Reply::status(302).with("location", &format!("{}/web/y", server.url)),
    );
    server.reply("HEAD /web/y", Reply::status(405));
    server.reply("GET /web/y", Reply::status(200).with("etag", "\"abc\""));
    let reference = ArtifactManifestEntry {
        path: "x".into(),
        digest: "unknown".into(),
        r#ref: format!("{}/web/x", server.url),
        ..ArtifactManifestEntry::default()
    };
    let mut version = record(vec![reference]);
    version.ask = vec!["x".into()];

    let outcome = server.destination().artifact(&opened(), &version).await;

    assert_eq!(outcome.unwrap(), committed());
    let manifest = server.call("PUT /up/manifest").json();
    let entry = &manifest["contents"]["x"];
    assert_eq!(entry["digest"], "abc");
    assert_eq!(entry["extra"], json!({"etag": "\"abc\""}));
    assert_eq!(entry["ref"], format!("{}/web/y", server.url));
    let digest = &server.call("CreateArtifact").variables()["input"]["digest"];
    assert_ne!(digest, "33dc");
    for name in ["HEAD /web/x", "GET /web/y"] {
        assert_eq!(server.call(name).header("authorization"), None);
    }
}

#[tokio::test]
async fn a_reference_whose_server_says_no_is_refused_by_its_name() {
    let server = Server::start().await;
    scripted(&server, "PENDING");
    let none = json!({"serverInfo": {"features": []}});
    server.reply("Features", Reply::data(&none));
    for method in ["HEAD", "GET"] {
        server.reply(&format!("{method} /web/x"), Reply::status(404));
    }
    let mut version = record(vec![ArtifactManifestEntry {
        path: "data/x".into(),
        r#ref: format!("{}/web/x", server.url),
        ..ArtifactManifestEntry::default()
    }]);
    version.ask = vec!["data/x".into()];

    let error = server.destination().artifact(&opened(), &version).await;

    let error = error.unwrap_err();
    assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("data/x") && text.contains("404"), "{text}");
}

#[tokio::test]
async fn tags_go_only_to_servers_that_know_them_and_what_was_said_goes_along() {
    for known in [true, false] {
        let server = Server::start().await;
        scripted(&server, "COMMITTED");
        let mut fields = vec![json!({"name": "digest"})];
        fields.extend(known.then(|| json!({"name": "tags"})));
        let schema = json!({"__type": {"inputFields": fields}});
        server.reply("CreateArtifactFields", Reply::data(&schema));
        let mut version = record(Vec::new());
        version.record.tags = vec!["good".into()];
        version.record.ttl_duration_seconds = -2;
        version.said.history_step = Some(7);
        version.said.storage_region = "coreweave-us".into();
        version.said.only_used = true;

        server
            .destination()
            .artifact(&opened(), &version)
            .await
            .unwrap();

        let input = server.call("CreateArtifact").variables()["input"].clone();
        let tags = known.then(|| json!([{"tagName": "good"}]));
        assert_eq!(input.get("tags"), tags.as_ref());
        assert_eq!(
            (&input["historyStep"], &input["ttlDurationSeconds"]),
            (&json!(7), &json!(-2))
        );
        assert_eq!(
            (&input["storageRegion"], &input["runName"]),
            (&json!("coreweave-us"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn a_link_goes_to_a_collection_of_the_project_or_of_the_registry_of_the_organization() {
    let server = Server::start().await;
    let linked = json!({"linkArtifact": {"versionIndex": 0}});
    let organization = json!({"name": "Acme", "orgEntity": {"name": "acme_org"}});
    let asked = json!({"entity": {"organization": organization, "user": null}});
    server.reply("OrganizationOfEntity", Reply::data(&asked));
    for (id, target) in [("", "best"), ("QTox", "Acme/wandb-registry-model/best")] {
        server.reply("LinkArtifact", Reply::data(&linked));
        let link = v1::Link {
            client_id: "c".into(),
            artifact_id: id.into(),
            target: target.into(),
            alias: vec!["prod".into()],
        };
        server.destination().link(&opened(), &link).await.unwrap();
    }

    let links: Vec<Value> = server
        .calls()
        .into_iter()
        .filter(|call| call.name == "LinkArtifact")
        .map(|call| call.variables()["input"].clone())
        .collect();
    assert_eq!(
        links[0],
        json!({
            "artifactPortfolioName": "best", "entityName": "me", "projectName": "my digits", "clientID": "c",
            "aliases": [{"artifactCollectionName": "best", "alias": "prod"}],
        })
    );
    assert_eq!(
        (
            &links[1]["entityName"],
            &links[1]["projectName"],
            &links[1]["artifactID"]
        ),
        (
            &json!("acme_org"),
            &json!("wandb-registry-model"),
            &json!("QTox")
        )
    );
}
