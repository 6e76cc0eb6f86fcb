//! Versions of artifacts: found, used, changed, downloaded. Against the embedded server.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fmt::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use support::local::Local;
use support::{limits, start};
use tokio::sync::mpsc;
use wandbd_record::v1::get_artifact_response::Verdict;
use wandbd_record::wandb::{ArtifactManifest, ArtifactManifestEntry, ArtifactRecord};
use wandbd_record::{convert, v1};
use wandbd_run::Opened;
use wandbd_upload::{Destination, Version};
use wandbd_wandb::{Artifacts, RunPath, Transports, WandbDestination};

/// A server with a run that logs artifacts.
struct Bench {
    local: Local,
    destination: WandbDestination,
    opened: Opened,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let local = Local::start().await;
        let destination = local.destination();
        let opened = destination.open(&start("")).await.unwrap();
        Bench {
            local,
            destination,
            opened,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn artifacts(&self) -> Artifacts {
        let home = RunPath {
            entity: self.opened.entity.clone(),
            project: self.opened.project.clone(),
            run: self.opened.run_id.clone(),
        };
        let transports = Transports::with_limits(limits());
        Artifacts::new(&transports, self.local.settings(), home).unwrap()
    }

    /// An entry with this content.
    fn file(&self, path: &str, content: &[u8]) -> ArtifactManifestEntry {
        let source = self.folder.path().join("sources").join(path);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, content).unwrap();
        ArtifactManifestEntry {
            path: path.into(),
            digest: STANDARD.encode(Md5::digest(content)),
            size: i64::try_from(content.len()).unwrap(),
            local_path: source.to_string_lossy().into_owned(),
            ..ArtifactManifestEntry::default()
        }
    }

    /// Logs a version; its id.
    async fn log(&self, name: &str, id: &str, contents: Vec<ArtifactManifestEntry>) -> String {
        self.send(version(name, id, contents)).await
    }

    async fn send(&self, version: Version) -> String {
        let outcome = self.destination.artifact(&self.opened, &version).await;
        let outcome = outcome.unwrap();
        assert!(outcome.new);
        outcome.id
    }

    /// Downloads to a folder of this name and says what came last.
    async fn download(&self, id: &str, to: &str, cache: Option<&Path>) -> v1::DownloadProgress {
        let request = v1::DownloadArtifactRequest {
            id: id.into(),
            root: self.at(to).to_string_lossy().into_owned(),
            ..v1::DownloadArtifactRequest::default()
        };
        self.download_as(&request, cache).await
    }

    async fn download_as(
        &self,
        request: &v1::DownloadArtifactRequest,
        cache: Option<&Path>,
    ) -> v1::DownloadProgress {
        let (out, mut progress) = mpsc::channel(4);
        let artifacts = self.artifacts();
        let listen = async {
            let mut last = v1::DownloadProgress::default();
            while let Some(next) = progress.recv().await {
                last = next;
            }
            last
        };
        let work = async {
            artifacts.download(request, cache, &out).await;
            drop(out);
        };
        let (last, ()) = tokio::join!(listen, work);
        assert!(last.done);
        last
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    async fn get(&self, name: &str) -> v1::GetArtifactResponse {
        let request = v1::GetArtifactRequest {
            name: name.into(),
            ..v1::GetArtifactRequest::default()
        };
        self.artifacts().get(&request).await
    }
}

fn version(name: &str, id: &str, mut contents: Vec<ArtifactManifestEntry>) -> Version {
    contents.sort_by(|left, right| left.path.cmp(&right.path));
    let record = ArtifactRecord {
        name: name.into(),
        r#type: "model".into(),
        digest: convert::manifest_digest(&contents),
        aliases: vec!["latest".into(), "best".into()],
        client_id: id.repeat(128),
        sequence_client_id: "s".repeat(128),
        finalize: true,
        metadata: r#"{"a":1}"#.into(),
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

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_version_is_found_by_its_name_and_by_its_id_and_says_all_that_is_known() {
    let bench = Bench::start().await;
    let id = bench.log("net", "a", vec![bench.file("w", b"hello")]).await;

    for name in ["net", "net:v0", "net:best", "digits/net:latest"] {
        let found = bench.get(name).await;
        assert_eq!(found.verdict(), Verdict::Found, "{name}: {}", found.message);
        let facts = found.artifact.unwrap();
        assert_eq!(facts.id, id);
        assert_eq!(
            (
                facts.collection.as_str(),
                facts.project.as_str(),
                facts.r#type.as_str()
            ),
            ("net", "digits", "model")
        );
        assert_eq!(
            (facts.size, facts.file_count, facts.state.as_str()),
            (5, 1, "COMMITTED")
        );
        assert!(facts.alias.contains(&"best".to_owned()), "{facts:?}");
        assert_eq!(facts.metadata_json, r#"{"a":1}"#);
        assert!(facts.ttl_inherited && facts.ttl_s.is_none());
        assert!(
            facts.url.ends_with("/digits/artifacts/model/net/v0"),
            "{}",
            facts.url
        );
    }
    let by_id = v1::GetArtifactRequest {
        id: id.clone(),
        manifest: true,
        ..v1::GetArtifactRequest::default()
    };
    let facts = bench.artifacts().get(&by_id).await.artifact.unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&facts.manifest_json).unwrap();
    assert_eq!(
        manifest["contents"]["w"]["digest"],
        "XUFAKrxLKna5cZ2REBfFkg=="
    );
}

#[tokio::test]
async fn what_is_not_there_or_of_another_type_is_said_so() {
    let bench = Bench::start().await;
    bench.log("net", "a", vec![bench.file("w", b"hello")]).await;

    for name in ["net:v7", "other", "elsewhere/net"] {
        let answer = bench.get(name).await;
        assert_eq!(answer.verdict(), Verdict::Missing, "{name}: {answer:?}");
        assert!(answer.message.contains("not found"), "{}", answer.message);
    }
    let request = v1::GetArtifactRequest {
        name: "net".into(),
        r#type: "dataset".into(),
        ..v1::GetArtifactRequest::default()
    };
    let answer = bench.artifacts().get(&request).await;
    assert_eq!(answer.verdict(), Verdict::Refused);
    assert!(
        answer.message.contains("of type model, not dataset"),
        "{}",
        answer.message
    );
    assert_eq!(bench.get("a/b/c/d").await.verdict(), Verdict::Refused);
}

#[tokio::test]
async fn a_run_uses_a_version_and_one_that_nobody_named_cannot() {
    let bench = Bench::start().await;
    bench.log("net", "a", vec![bench.file("w", b"hello")]).await;
    let request = v1::GetArtifactRequest {
        name: "net".into(),
        r#use: true,
        ..v1::GetArtifactRequest::default()
    };

    let used = bench.artifacts().get(&request).await;
    let home = RunPath {
        project: "digits".into(),
        ..RunPath::default()
    };
    let transports = Transports::with_limits(limits());
    let nobody = Artifacts::new(&transports, bench.local.settings(), home).unwrap();
    let nobody = nobody.get(&request).await;

    assert_eq!(used.verdict(), Verdict::Found, "{}", used.message);
    assert_eq!(nobody.verdict(), Verdict::Refused);
}

#[tokio::test]
async fn all_files_arrive_and_those_that_are_there_are_left_alone() {
    let bench = Bench::start().await;
    let mut contents = vec![
        bench.file("empty", b""),
        bench.file("d/odd name %20 ü.txt", b"odd"),
        bench.file("large", &vec![7; 700 << 10]),
    ];
    for n in 0..60 {
        contents.push(bench.file(&format!("many/{n}"), format!("{}", n % 50).as_bytes()));
    }
    let id = bench.log("data", "a", contents).await;

    let first = bench.download(&id, "out", None).await;
    assert_eq!(
        (first.error.as_str(), first.files, first.files_total),
        ("", 63, 63)
    );
    assert_eq!(first.bytes, first.bytes_total);
    assert_eq!(read(&bench.at("out/d/odd name %20 ü.txt")), b"odd");
    assert_eq!(read(&bench.at("out/large")).len(), 700 << 10);
    assert_eq!(read(&bench.at("out/empty")), b"");
    let before = std::fs::metadata(bench.at("out/large"))
        .unwrap()
        .modified()
        .unwrap();
    std::fs::write(bench.at("out/many/7"), "x").unwrap();

    let second = bench.download(&id, "out", None).await;

    assert_eq!(second.error, "");
    assert_eq!(read(&bench.at("out/many/7")), b"7");
    let after = std::fs::metadata(bench.at("out/large"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
    let left: Vec<_> = std::fs::read_dir(bench.at("out")).unwrap().collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[tokio::test]
async fn a_part_of_a_version_is_chosen_and_the_cache_of_the_released_client_is_used_if_it_is_right()
{
    let bench = Bench::start().await;
    let contents = vec![
        bench.file("d/a", b"hello"),
        bench.file("d/b", b"bb"),
        bench.file("e", b"e"),
    ];
    let id = bench.log("data", "a", contents).await;
    let cache = bench.at("cache");
    let cached = cache.join("obj/md5/5d/41402abc4b2a76b9719d911017c592");
    std::fs::create_dir_all(cached.parent().unwrap()).unwrap();
    std::fs::write(&cached, "jello").unwrap();
    let request = v1::DownloadArtifactRequest {
        id,
        root: bench.at("out").to_string_lossy().into_owned(),
        prefix: "d/".into(),
        ..v1::DownloadArtifactRequest::default()
    };

    let last = bench.download_as(&request, Some(&cache)).await;

    assert_eq!((last.error.as_str(), last.files_total), ("", 2));
    assert_eq!(
        read(&bench.at("out/d/a")),
        b"hello",
        "a wrong copy is not used"
    );
    assert!(!bench.at("out/e").exists());
    let unknown = v1::DownloadArtifactRequest {
        path: vec!["nothing".into()],
        ..request
    };
    let last = bench.download_as(&unknown, None).await;
    assert_eq!(last.error, "the artifact holds no nothing");
}

#[tokio::test]
async fn references_into_other_versions_are_followed_and_others_are_for_the_client() {
    let bench = Bench::start().await;
    let target = bench
        .log("data", "a", vec![bench.file("t.json", b"{}")])
        .await;
    let mut hex = String::new();
    for byte in STANDARD.decode(&target).unwrap() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let reference = |path: &str, to: String| ArtifactManifestEntry {
        path: path.into(),
        digest: "d".into(),
        r#ref: to,
        ..ArtifactManifestEntry::default()
    };
    let contents = vec![
        reference(
            "inside",
            format!("wandb-client-artifact://{}/t.json", "a".repeat(128)),
        ),
        reference("outside", "s3://bucket/key".into()),
    ];
    let id = bench.log("links", "b", contents).await;
    let gone = vec![reference("gone", format!("wandb-artifact://{hex}/nothing"))];
    let gone = bench.log("broken", "c", gone).await;

    let last = bench.download(&id, "out", None).await;
    assert_eq!(
        (last.error.as_str(), last.reference),
        ("", vec!["outside".to_owned()])
    );
    assert_eq!(read(&bench.at("out/inside")), b"{}");

    let last = bench.download(&gone, "gone", None).await;
    assert!(
        last.error.contains("gone refers to a file"),
        "{}",
        last.error
    );
    let allowed = v1::DownloadArtifactRequest {
        id: gone,
        root: bench.at("gone").to_string_lossy().into_owned(),
        allow_missing_references: true,
        ..v1::DownloadArtifactRequest::default()
    };
    assert_eq!(bench.download_as(&allowed, None).await.error, "");
}

#[tokio::test]
async fn a_version_changes_and_is_deleted() {
    let bench = Bench::start().await;
    let id = bench.log("net", "a", vec![bench.file("w", b"hello")]).await;
    let change = v1::ChangeArtifactRequest {
        id: id.clone(),
        collection_path: format!("{}/digits/net", bench.opened.entity),
        description: Some("good".into()),
        metadata_json: Some(r#"{"b":2}"#.into()),
        add_alias: vec!["prod".into()],
        remove_alias: vec!["best".into()],
        add_tag: vec!["t".into()],
        ttl_s: Some(3600),
        ..v1::ChangeArtifactRequest::default()
    };

    let changed = bench.artifacts().change(&change).await;

    assert_eq!(changed.verdict(), Verdict::Found, "{}", changed.message);
    let facts = changed.artifact.unwrap();
    assert_eq!(
        (facts.description.as_str(), facts.metadata_json.as_str()),
        ("good", r#"{"b":2}"#)
    );
    assert!(facts.alias.contains(&"prod".to_owned()) && !facts.alias.contains(&"best".to_owned()));
    assert_eq!((facts.tag, facts.ttl_s), (vec!["t".to_owned()], Some(3600)));
    let never = v1::ChangeArtifactRequest {
        id: id.clone(),
        ttl_s: Some(-1),
        ..v1::ChangeArtifactRequest::default()
    };
    let facts = bench.artifacts().change(&never).await.artifact.unwrap();
    assert_eq!(facts.ttl_s, Some(-1));

    let delete = v1::ChangeArtifactRequest {
        id,
        delete: true,
        delete_aliases: true,
        ..v1::ChangeArtifactRequest::default()
    };
    let deleted = bench.artifacts().change(&delete).await;
    assert_eq!(deleted.verdict(), Verdict::Found, "{}", deleted.message);
    assert_eq!(bench.get("net:v0").await.verdict(), Verdict::Missing);
}

#[tokio::test]
async fn a_version_is_linked_into_another_collection_and_taken_out_again() {
    let bench = Bench::start().await;
    let id = bench.log("net", "a", vec![bench.file("w", b"hello")]).await;
    let link = v1::Link {
        client_id: "a".repeat(128),
        target: "zoo/best".into(),
        alias: vec!["prod".into()],
        ..v1::Link::default()
    };

    bench.destination.link(&bench.opened, &link).await.unwrap();

    let facts = bench.get("zoo/best:prod").await.artifact.unwrap();
    assert_eq!(
        (facts.id.as_str(), facts.source_collection.as_str()),
        (id.as_str(), "net")
    );
    assert_eq!(
        (facts.project.as_str(), facts.collection.as_str()),
        ("zoo", "best")
    );
    let unlink = v1::ChangeArtifactRequest {
        id,
        collection_path: format!("{}/zoo/best", bench.opened.entity),
        unlink: true,
        ..v1::ChangeArtifactRequest::default()
    };
    let answer = bench.artifacts().change(&unlink).await;
    assert_eq!(answer.verdict(), Verdict::Found, "{}", answer.message);
    assert_eq!(bench.get("zoo/best:prod").await.verdict(), Verdict::Missing);
    assert_eq!(bench.get("net").await.verdict(), Verdict::Found);
}

#[tokio::test]
async fn an_incremental_version_adds_to_the_newest_and_loses_what_it_says() {
    let bench = Bench::start().await;
    let contents = vec![bench.file("a", b"a"), bench.file("b", b"b")];
    bench.log("data", "a", contents).await;
    let mut more = version("data", "b", vec![bench.file("c", b"c")]);
    more.record.incremental_beta1 = true;
    let more = bench.send(more).await;
    let mut less = version("data", "c", vec![bench.file("d", b"d")]);
    less.record.incremental_beta1 = true;
    less.said.remove = vec!["a".into()];
    let less = bench.send(less).await;

    bench.download(&more, "more", None).await;
    bench.download(&less, "less", None).await;

    let names = |folder: &str| {
        let names = std::fs::read_dir(bench.at(folder)).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("more"), ["a", "b", "c"]);
    assert_eq!(names("less"), ["b", "c", "d"]);
}
