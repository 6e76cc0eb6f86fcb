//! Artifacts: versions, aliases, digests.

use super::*;

/// An artifact that a test uploads.
struct Upload<'a> {
    run: &'a str,
    files: &'a [(&'a str, &'a str)],
    aliases: &'a [&'a str],
}

fn digest(files: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = files
        .iter()
        .map(|(path, text)| format!("{path}:{}\n", md5_base64(text)))
        .collect();
    lines.sort();
    hex(&Md5::digest(format!(
        "wandb-artifact-manifest-v1\n{}",
        lines.concat()
    )))
}

fn manifest(files: &[(&str, &str)]) -> String {
    let entry = |text: &str| json!({"digest": md5_base64(text), "size": text.len()});
    let contents: serde_json::Map<String, Value> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), entry(text)))
        .collect();
    json!({"version": 1, "storagePolicy": "wandb-storage-policy-v1", "contents": contents})
        .to_string()
}

impl Local {
    async fn create(&self, upload: &Upload<'_>) -> Value {
        let aliases: Vec<Value> = upload
            .aliases
            .iter()
            .map(|alias| json!({"artifactCollectionName": "data", "alias": alias}))
            .collect();
        let input = json!({
            "entityName": "local", "projectName": "p", "runName": upload.run, "artifactTypeName": "dataset",
            "artifactCollectionName": "data", "digest": digest(upload.files), "digestAlgorithm": "MANIFEST_MD5",
            "aliases": aliases, "enableDigestDeduplication": true, "clientID": "c", "sequenceClientID": "s",
        });
        let query = "mutation C($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state \
                     versionIndex artifactSequence { latestArtifact { id } } } } }";
        self.data(query, json!({"input": input})).await["createArtifact"]["artifact"].clone()
    }

    /// Announces the files; returns the upload addresses, null where the content is here already.
    async fn announce(&self, artifact: &Value, files: &[(&str, &str)]) -> Vec<Value> {
        let specs: Vec<Value> = files
            .iter()
            .map(|(path, text)| json!({"artifactID": artifact, "name": path, "md5": md5_base64(text)}))
            .collect();
        let query = "mutation F($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { \
                     uploadUrl uploadHeaders storagePath artifact { id } } } } } }";
        let data = self
            .data(
                query,
                json!({"i": {"artifactFiles": specs, "storageLayout": "V2"}}),
            )
            .await;
        let edges = data["createArtifactFiles"]["files"]["edges"]
            .as_array()
            .unwrap();
        edges
            .iter()
            .map(|edge| edge["node"]["uploadUrl"].clone())
            .collect()
    }

    async fn put_manifest(&self, artifact: &Value, text: &str) -> StatusCode {
        let query = "mutation M($a: ID!, $d: String!) { createArtifactManifest(input: {artifactID: $a, digest: $d, name: \
                     \"wandb_manifest.json\", entityName: \"local\", projectName: \"p\", runName: \"r\", type: FULL}) { \
                     artifactManifest { id file { uploadUrl uploadHeaders } } } }";
        let data = self
            .data(query, json!({"a": artifact, "d": md5_base64(text)}))
            .await;
        let file = &data["createArtifactManifest"]["artifactManifest"]["file"];
        self.put(file["uploadUrl"].as_str().unwrap(), text).await
    }

    async fn commit(&self, artifact: &Value) -> Value {
        let query = "mutation C($a: ID!) { commitArtifact(input: {artifactID: $a}) { artifact { id digest state \
                     versionIndex } } }";
        self.graphql(query, json!({"a": artifact})).await
    }

    async fn log(&self, upload: &Upload<'_>) -> Value {
        let artifact = self.create(upload).await;
        if artifact["state"] == "COMMITTED" {
            return artifact;
        }
        let urls = self.announce(&artifact["id"], upload.files).await;
        for (url, (_, text)) in urls.iter().zip(upload.files) {
            if let Some(url) = url.as_str() {
                assert_eq!(self.put(url, text).await, StatusCode::OK);
            }
        }
        let manifest = manifest(upload.files);
        assert_eq!(
            self.put_manifest(&artifact["id"], &manifest).await,
            StatusCode::OK
        );
        let committed = self.commit(&artifact["id"]).await;
        assert_eq!(committed["errors"], Value::Null, "{committed}");
        committed["data"]["commitArtifact"]["artifact"].clone()
    }
}

#[tokio::test]
async fn the_digest_is_the_one_that_clients_compute() {
    assert_eq!(
        digest(&[("dir/f.txt", "hello")]),
        "33dc0dd41b692295dde50eeb49415311"
    );
}

#[tokio::test]
async fn versions_count_up_aliases_move_and_same_content_makes_no_new_version() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let (one, two) = (
        [("a", "one"), ("b/c", "same")],
        [("a", "two"), ("b/c", "same")],
    );

    let v0 = local
        .log(&Upload {
            run: "r",
            files: &one,
            aliases: &["best"],
        })
        .await;
    let v1 = local
        .log(&Upload {
            run: "r",
            files: &two,
            aliases: &[],
        })
        .await;
    let again = local
        .log(&Upload {
            run: "r",
            files: &one,
            aliases: &["again"],
        })
        .await;

    assert_eq!(
        (&v0["versionIndex"], &v1["versionIndex"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        (&again["id"], &again["state"]),
        (&v0["id"], &json!("COMMITTED"))
    );
    let logged = local.run("r").await["artifacts"].clone();
    assert_eq!(logged.as_array().unwrap().len(), 2);
    assert_eq!(logged[0]["aliases"], json!(["best", "again"]));
    assert_eq!(logged[1]["aliases"], json!(["latest"]));
    assert_eq!(logged[0]["size"], 7);
    assert_eq!(logged[0]["files"][1]["name"], "b/c");
    let url = logged[1]["files"][1]["url"].as_str().unwrap();
    let down = local.http.get(url).send().await.unwrap();
    assert_eq!(down.text().await.unwrap(), "same");
    local.stop().await;
}

#[tokio::test]
async fn content_that_is_stored_needs_no_upload() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    local
        .log(&Upload {
            run: "r",
            files: &[("a", "one")],
            aliases: &[],
        })
        .await;

    let files = [("other", "one"), ("new", "two")];
    let artifact = local
        .create(&Upload {
            run: "r",
            files: &files,
            aliases: &[],
        })
        .await;
    let urls = local.announce(&artifact["id"], &files).await;

    assert_eq!(urls[0], Value::Null);
    assert!(urls[1].is_string());
    local.stop().await;
}

#[tokio::test]
async fn wrong_contents_wrong_manifests_and_missing_files_are_refused() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let files = [("a", "one"), ("b", "two")];
    let artifact = local
        .create(&Upload {
            run: "r",
            files: &files,
            aliases: &[],
        })
        .await["id"]
        .clone();
    let urls = local.announce(&artifact, &files).await;
    let refused = |answer: Value, words: &str| {
        let message = answer["errors"][0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(message.contains(words), "{answer}");
    };

    assert_eq!(
        local.put(urls[0].as_str().unwrap(), "not one").await,
        StatusCode::BAD_REQUEST
    );
    refused(local.commit(&artifact).await, "no manifest");
    local
        .put_manifest(&artifact, &manifest(&[("a", "one")]))
        .await;
    refused(local.commit(&artifact).await, "digest mismatch");
    local.put_manifest(&artifact, &manifest(&files)).await;
    refused(local.commit(&artifact).await, "file a with digest");
    assert_eq!(
        local.put(urls[0].as_str().unwrap(), "one").await,
        StatusCode::OK
    );
    refused(local.commit(&artifact).await, "file b with digest");
    assert_eq!(
        local.put(urls[1].as_str().unwrap(), "two").await,
        StatusCode::OK
    );

    let committed = local.commit(&artifact).await;
    assert_eq!(
        committed["data"]["commitArtifact"]["artifact"]["state"],
        "COMMITTED"
    );
    let again = local.commit(&artifact).await;
    assert_eq!(
        again["data"]["commitArtifact"]["artifact"]["versionIndex"],
        0
    );
    local.stop().await;
}
