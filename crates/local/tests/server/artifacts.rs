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

    /// A committed version of `data` with these files.
    pub(crate) async fn logged(&self, run: &str, files: &[(&str, &str)]) -> Value {
        let aliases = &[];
        self.log(&Upload {
            run,
            files,
            aliases,
        })
        .await
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

impl Local {
    /// Announces one manifest of a kind and uploads it.
    async fn put_part(&self, artifact: &Value, kind: &str, base: &Value, text: &str) {
        let query = "mutation M($a: ID!, $b: ID, $d: String!, $t: ArtifactManifestType!) { createArtifactManifest(input: \
                     {artifactID: $a, baseArtifactID: $b, digest: $d, name: \"part\", entityName: \"local\", projectName: \
                     \"p\", runName: \"r\", type: $t}) { artifactManifest { id file { uploadUrl } } } }";
        let variables = json!({"a": artifact, "b": base, "d": md5_base64(text), "t": kind});
        let data = self.data(query, variables).await;
        let url = &data["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"];
        let status = self.put(url.as_str().unwrap(), text).await;
        assert_eq!(status, StatusCode::OK);
    }

    async fn start_artifact(&self, digest: &str, distributed: Option<&str>) -> Value {
        let input = json!({
            "entityName": "local", "projectName": "p", "runName": "r", "artifactTypeName": "dataset",
            "artifactCollectionName": "data", "digest": digest, "distributedID": distributed, "clientID": digest,
        });
        let query = "mutation C($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id state } } }";
        let data = self.data(query, json!({"i": input})).await;
        data["createArtifact"]["artifact"]["id"].clone()
    }

    async fn upload(&self, artifact: &Value, files: &[(&str, &str)]) {
        let urls = self.announce(artifact, files).await;
        for (url, (_, text)) in urls.iter().zip(files) {
            if let Some(url) = url.as_str() {
                assert_eq!(self.put(url, text).await, StatusCode::OK);
            }
        }
    }

    async fn version(&self, alias: &str) -> Value {
        self.get(&format!("/api/artifacts/local/p/data/{alias}"))
            .await
    }
}

fn names(version: &Value) -> Vec<&str> {
    let files = version["files"].as_array().unwrap().iter();
    files.map(|file| file["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn changes_to_a_base_become_a_whole_version_with_a_digest_of_its_own() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let base = local
        .log(&Upload {
            run: "r",
            files: &[("a", "one"), ("b", "two")],
            aliases: &[],
        })
        .await;

    let changes = [("b", "changed"), ("c", "three")];
    let next = local.start_artifact(&digest(&changes), None).await;
    local.upload(&next, &changes).await;
    let text = manifest(&changes);
    local
        .put_part(&next, "INCREMENTAL", &base["id"], &text)
        .await;
    let committed = local.commit(&next).await;

    let whole = [("a", "one"), ("b", "changed"), ("c", "three")];
    let artifact = &committed["data"]["commitArtifact"]["artifact"];
    assert_eq!(artifact["digest"], digest(&whole), "{committed}");
    let version = local.version("v1").await;
    assert_eq!(names(&version), ["a", "b", "c"]);
    let place = version["manifest"].as_str().unwrap();
    let manifest: Value = local
        .http
        .get(place)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(manifest["contents"].as_object().unwrap().len(), 3);
    assert_eq!(manifest["storagePolicy"], "wandb-storage-policy-v1");
    local.stop().await;
}

#[tokio::test]
async fn writers_with_one_distributed_id_make_one_version() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;

    let mut ids = Vec::new();
    for part in [[("a", "one")], [("b", "two")]] {
        let artifact = local.start_artifact(&digest(&part), Some("group")).await;
        local.upload(&artifact, &part).await;
        let text = manifest(&part);
        local
            .put_part(&artifact, "PATCH", &Value::Null, &text)
            .await;
        ids.push(artifact);
    }
    let committed = local.commit(&ids[1]).await;

    assert_eq!(ids[0], ids[1]);
    let artifact = &committed["data"]["commitArtifact"]["artifact"];
    assert_eq!(artifact["digest"], digest(&[("a", "one"), ("b", "two")]));
    assert_eq!(names(&local.version("latest").await), ["a", "b"]);
    local.stop().await;
}

#[tokio::test]
async fn parts_are_put_together_when_all_are_there_with_their_tags() {
    let data = TempDir::new().unwrap();
    let rules = Rules {
        least_part_bytes: 4,
        ..Rules::default()
    };
    let local = Local::start_by(&data, rules, &Hands::default()).await;
    local.upsert("r", json!({})).await;
    let files = [("big", "12345678")];
    let artifact = local.start_artifact(&digest(&files), None).await;
    let parts = ["1234", "5678"].map(|part| hex(&Md5::digest(part)));
    let announced: Vec<Value> = (1..)
        .zip(&parts)
        .map(|(number, md5)| json!({"partNumber": number, "hexMD5": md5}))
        .collect();
    let query = "mutation F($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { \
                 storagePath uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }";
    let file = json!({"artifactID": artifact, "name": "big", "md5": md5_base64("12345678"), "uploadPartsInput": announced});
    let answer = local
        .data(query, json!({"i": {"artifactFiles": [file]}}))
        .await;
    let node = &answer["createArtifactFiles"]["files"]["edges"][0]["node"];
    let target = &node["uploadMultipartUrls"];
    let url = |at: usize| target["uploadUrlParts"][at]["uploadUrl"].as_str().unwrap();
    let complete = async || {
        let query = "mutation C($p: [UploadPartsInput!]!, $a: ID!, $s: String!, $u: String!) { \
                     completeMultipartUploadArtifact(input: {completeMultipartAction: Complete, completedParts: $p, \
                     artifactID: $a, storagePath: $s, uploadID: $u}) { digest } }";
        let tags: Vec<Value> = (1..)
            .zip(&parts)
            .map(|(number, md5)| json!({"partNumber": number, "hexMD5": format!("\"{md5}\"")}))
            .collect();
        let variables =
            json!({"p": tags, "a": artifact, "s": node["storagePath"], "u": target["uploadID"]});
        local.graphql(query, variables).await
    };

    assert_eq!(local.put(url(0), "1234").await, StatusCode::OK);
    assert!(complete().await["errors"].to_string().contains("part 2"));
    assert_eq!(local.put(url(1), "5678").await, StatusCode::OK);
    assert_eq!(local.put(url(1), "5678").await, StatusCode::OK);
    let done = complete().await;

    let digest = &done["data"]["completeMultipartUploadArtifact"]["digest"];
    assert_eq!(*digest, md5_base64("12345678"), "{done}");
    assert_eq!(local.run("r").await["violations"]["part_sent_again"], 1);
    let again = local.announce(&artifact, &files).await;
    assert_eq!(again, [Value::Null], "the content is here");
    let uploads = local.get("/api/uploads").await;
    assert_eq!(uploads[2]["subject"], "part", "{uploads}");
    let left = std::fs::read_dir(data.path().join("data/parts")).unwrap();
    assert_eq!(left.count(), 0, "parts are gone");
    local.stop().await;
}

#[tokio::test]
async fn a_link_gives_a_version_a_second_place_with_aliases_of_its_own() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let artifact = local
        .log(&Upload {
            run: "r",
            files: &[("a", "one")],
            aliases: &["best"],
        })
        .await;
    let link = "mutation L($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex artifactMembership { \
                aliases { alias } artifactCollection { __typename name project { name entity { name } } } } } }";
    let into = async |portfolio: &str, project: &str| {
        let input = json!({"artifactID": artifact["id"], "artifactPortfolioName": portfolio, "entityName": "local-org",
            "projectName": project, "aliases": [{"artifactCollectionName": portfolio, "alias": "prod"}]});
        local.graphql(link, json!({"i": input})).await
    };

    let linked = into("models", "wandb-registry-model").await;
    let again = into("models", "wandb-registry-model").await;

    let place = &linked["data"]["linkArtifact"];
    assert_eq!(place["versionIndex"], 0, "{linked}");
    assert_eq!(again, linked, "linked twice is linked once");
    let membership = &place["artifactMembership"];
    assert_eq!(
        membership["artifactCollection"]["__typename"],
        "ArtifactPortfolio"
    );
    assert_eq!(
        membership["aliases"],
        json!([{"alias": "prod"}, {"alias": "latest"}])
    );
    let source = local.version("best").await;
    assert_eq!(source["aliases"], json!(["best", "latest"]));
    assert_eq!(source["links"][0]["name"], "models");
    let path = "/api/artifacts/local-org/wandb-registry-model/models/prod/raw/a";
    let file = local.with_key(Method::GET, path).send().await.unwrap();
    assert_eq!(file.text().await.unwrap(), "one");
    local.stop().await;
}

#[tokio::test]
async fn a_file_that_was_damaged_before_the_commit_is_asked_for_again() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let files = [("a", "content")];
    let artifact = local.start_artifact(&digest(&files), None).await;
    local.upload(&artifact, &files).await;
    let text = manifest(&files);
    assert_eq!(local.put_manifest(&artifact, &text).await, StatusCode::OK);
    local.stop().await;
    let name = hex(&Md5::digest("content"));
    let blob = data.path().join("data/blobs").join(&name[..2]).join(&name);
    std::fs::write(&blob, "con").unwrap();

    let local = Local::start(&data).await;
    let refused = local.commit(&artifact).await;
    assert!(
        refused["errors"].to_string().contains("damaged"),
        "{refused}"
    );
    local.upload(&artifact, &files).await;
    let committed = local.commit(&artifact).await;

    assert_eq!(committed["errors"], Value::Null, "{committed}");
    assert_eq!(std::fs::read_to_string(&blob).unwrap(), "content");
    local.stop().await;
}

#[tokio::test]
async fn logged_html_is_shown_in_a_sandbox_only() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let url = local.upload_url("r", "media/html/a.html").await;
    assert_eq!(local.put(&url, "<script>1</script>").await, StatusCode::OK);

    let path = "/api/runs/local/p/r/raw/media/html/a.html";
    let plain = local.with_key(Method::GET, path).send().await.unwrap();
    let framed = local.with_key(Method::GET, &format!("{path}?show=frame"));
    let framed = framed.send().await.unwrap();

    assert_eq!(plain.headers()["x-content-type-options"], "nosniff");
    assert_ne!(plain.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = framed.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.starts_with("sandbox ") && !policy.contains("allow-same-origin"));
    local.stop().await;
}

#[tokio::test]
async fn parts_outlive_a_restart_until_their_file_has_come_otherwise() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("r", json!({})).await;
    let files = [("big", "12345678")];
    let artifact = local.start_artifact(&digest(&files), None).await;
    let part = json!([{"partNumber": 1, "hexMD5": hex(&Md5::digest("12345678"))}]);
    let query = "mutation F($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { \
                 uploadUrl uploadMultipartUrls { uploadUrlParts { uploadUrl } } } } } } }";
    let file = json!({"artifactID": artifact, "name": "big", "md5": md5_base64("12345678"), "uploadPartsInput": part});
    let answer = local
        .data(query, json!({"i": {"artifactFiles": [file]}}))
        .await;
    let node = &answer["createArtifactFiles"]["files"]["edges"][0]["node"];
    let url = &node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"];
    let put = local.put(url.as_str().unwrap(), "12345678").await;
    assert_eq!(put, StatusCode::OK);
    local.stop().await;
    let parts = || std::fs::read_dir(data.path().join("data/parts")).unwrap();

    let local = Local::start(&data).await;
    assert_eq!(parts().count(), 1);
    local.upload(&artifact, &files).await;
    local.stop().await;
    let local = Local::start(&data).await;

    assert_eq!(parts().count(), 0);
    local.stop().await;
}
