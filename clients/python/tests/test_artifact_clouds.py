"""References to buckets are read through the libraries of their clouds, which are here in form only."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors
from wandbd._artifact_entry import ArtifactManifestEntry
from wandbd._artifact_fetch import fetch


class ClientError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


def item(key: str, size: int = 3, version: str | None = None, kind: str = "binary") -> Any:
    found = SimpleNamespace(key=key, size=size, e_tag=f'"tag-{key}"', version_id=version, content_type=kind)
    found.load = lambda: None
    return found


class Bucket:
    """All of S3: a bucket with objects by their keys."""

    def __init__(self, *items: Any) -> None:
        self.items = {one.key: one for one in items}

    def Object(self, bucket: str, key: str) -> Any:
        return self.items.get(key) or SimpleNamespace(key=key, load=self._missing)

    def ObjectVersion(self, bucket: str, key: str, version: str) -> Any:
        return SimpleNamespace(Object=lambda: item(key, version=version))

    def Bucket(self, name: str) -> Any:
        def some(prefix: str) -> Any:
            found = [one for key, one in self.items.items() if key.startswith(prefix)]
            return SimpleNamespace(limit=lambda most: found[:most])

        everything = some("")
        return SimpleNamespace(objects=SimpleNamespace(filter=lambda Prefix: some(Prefix), limit=everything.limit))

    def _missing(self) -> None:
        raise ClientError("404")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, core: Any) -> Bucket:
    bucket = Bucket(item("dir/a.txt"), item("dir/sub/b.txt", version="v1"), item("dir/empty", 0), item("one.bin"))
    boto3, botocore = ModuleType("boto3"), ModuleType("botocore")
    exceptions = ModuleType("botocore.exceptions")
    boto3.resource = lambda name, endpoint_url=None: bucket  # type: ignore[attr-defined]
    exceptions.ClientError = ClientError  # type: ignore[attr-defined]
    for name, module in (("boto3", boto3), ("botocore", botocore), ("botocore.exceptions", exceptions)):
        monkeypatch.setitem(sys.modules, name, module)
    return bucket


def entries(artifact: Any) -> dict[str, tuple[Any, ...]]:
    return {path: (entry.ref, entry.digest, entry.size) for path, entry in artifact.manifest.entries.items()}


def test_an_object_of_s3_has_its_tag_as_digest(s3: Bucket) -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.add_reference("s3://bucket/one.bin")
    artifact.add_reference("s3://bucket/one.bin?versionId=v7", name="named")
    assert entries(artifact) == {
        "one.bin": ("s3://bucket/one.bin", "tag-one.bin", 3),
        "named": ("s3://bucket/one.bin", "tag-one.bin", 3),
    }
    assert artifact.manifest.entries["named"].extra == {"etag": "tag-one.bin", "versionID": "v7"}


def test_a_folder_of_s3_is_one_entry_for_each_object_that_is_not_empty(s3: Bucket) -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.add_reference("s3://bucket/dir", name="in")
    assert entries(artifact) == {
        "in/a.txt": ("s3://bucket/dir/a.txt", "tag-dir/a.txt", 3),
        "in/sub/b.txt": ("s3://bucket/dir/sub/b.txt", "tag-dir/sub/b.txt", 3),
    }
    unnamed = wandb.Artifact("a", "t")
    unnamed.add_reference("s3://bucket/dir")
    assert sorted(unnamed.manifest.entries) == ["a.txt", "sub/b.txt"]
    with pytest.raises(ValueError, match="Exceeded 1 objects tracked"):
        artifact.add_reference("s3://bucket/dir", name="in", max_objects=1)


def test_s3_that_refuses_is_an_error_that_says_what_to_check(s3: Bucket) -> None:
    def refused() -> None:
        raise ClientError("403")

    s3.items["one.bin"].load = refused
    with pytest.raises(errors.CommError, match="Check the credentials and the region"):
        wandb.Artifact("a", "t").add_reference("s3://bucket/one.bin")


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch, core: Any) -> dict[str, Any]:
    blobs: dict[str, Any] = {}

    def blob(name: str) -> None:
        found = SimpleNamespace(name=name, etag=f"tag-{name}", size=4, generation=7)
        found.download_to_filename = lambda path: Path(path).write_text(name)
        blobs[name] = found

    for name in ("dir/", "dir/a", "dir/sub/b", "one"):
        blob(name)
    bucket = SimpleNamespace(
        get_blob=lambda key, generation=None: blobs.get(key),
        list_blobs=lambda prefix, max_results: [one for name, one in blobs.items() if name.startswith(prefix)],
    )
    storage = ModuleType("google.cloud.storage")
    storage.Client = lambda: SimpleNamespace(bucket=lambda name: bucket)  # type: ignore[attr-defined]
    for name, module in (
        ("google", ModuleType("google")),
        ("google.cloud", ModuleType("google.cloud")),
        ("google.cloud.storage", storage),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    return blobs


def test_objects_of_google_have_their_tag_and_their_generation(gcs: dict[str, Any]) -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.add_reference("gs://bucket/one")
    artifact.add_reference("gs://bucket/dir/", name="in")
    assert entries(artifact) == {
        "one": ("gs://bucket/one", "tag-one", 4),
        "in/a": ("gs://bucket/dir/a", "tag-dir/a", 4),
        "in/sub/b": ("gs://bucket/dir/sub/b", "tag-dir/sub/b", 4),
    }
    assert artifact.manifest.entries["one"].extra == {"versionID": 7}
    with pytest.raises(ValueError, match="Object does not exist"):
        artifact.add_reference("gs://bucket/none#3")


def test_a_referred_object_is_fetched_if_it_is_still_the_same(gcs: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "target"
    artifact: Any = None
    fetch(artifact, ArtifactManifestEntry("x", "tag-one", "gs://bucket/one"), str(target))
    assert target.read_text() == "one"
    with pytest.raises(ValueError, match="Digest mismatch"):
        fetch(artifact, ArtifactManifestEntry("x", "tag-other", "gs://bucket/one"), str(target))
    with pytest.raises(FileNotFoundError, match="Unable to download object"):
        fetch(artifact, ArtifactManifestEntry("x", "t", "gs://bucket/none"), str(target))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "state", "target", "work"]
