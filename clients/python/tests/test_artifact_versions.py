"""Versions of artifacts on the server, as the daemon tells of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import _artifact_log, errors
from wandbd._artifact_errors import ArtifactNotLoggedError, WaitTimeoutError

HELLO = "XUFAKrxLKna5cZ2REBfFkg=="


def facts(**more: Any) -> dict[str, Any]:
    manifest = {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": {"a/f.txt": {"digest": HELLO, "size": 5, "birthArtifactID": "QXJ0aWZhY3Q6MQ=="}},
    }
    return {
        "id": "QXJ0aWZhY3Q6MQ==",
        "entity": "e",
        "project": "p",
        "collection": "data",
        "source_entity": "e",
        "source_project": "p",
        "source_collection": "data",
        "version_index": 3,
        "source_version_index": 3,
        "type": "dataset",
        "description": "",
        "metadata_json": '{"x": 1}',
        "alias": ["latest", "v3"],
        "tag": ["t"],
        "state": "COMMITTED",
        "digest": "d",
        "size": 5,
        "file_count": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "",
        "commit_hash": "c",
        "manifest_json": json.dumps(manifest),
        "ttl_s": None,
        "ttl_inherited": True,
        "history_step": 7,
        "url": "http://x",
        **more,
    }


@pytest.fixture(autouse=True)
def run(core: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(_artifact_log, "_on_their_way", {})
    core.artifacts.append({"verdict": "FOUND", "message": "", "artifact": facts()})
    core.downloaded["files"] = {"a/f.txt": "hello"}
    return wandb.init(id="abc", project="p")


def asked(core: Any) -> dict[str, Any]:
    found: dict[str, Any] = core.named("get_artifact")[-1][0]
    return found


def test_a_version_is_used_by_its_name(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest", type="dataset")
    assert asked(core)["name"] == "data:latest"
    assert (asked(core)["use"], asked(core)["session"], asked(core)["type"]) == (True, run.session, "dataset")
    assert (artifact.name, artifact.version, artifact.qualified_name) == ("data:latest", "v3", "e/p/data:latest")
    assert (artifact.aliases, artifact.tags, artifact.metadata) == (["latest"], ["t"], {"x": 1})
    assert (artifact.digest, artifact.size, artifact.file_count, artifact.history_step) == ("d", 5, 1, 6)
    assert (artifact.is_link, artifact.is_draft(), artifact.state) == (False, False, "COMMITTED")
    assert artifact.ttl is None
    assert artifact.updated_at == artifact.created_at
    assert artifact.source_artifact is artifact


def test_a_version_that_is_not_there_or_of_another_type_is_an_error(core: Any, run: Any) -> None:
    with pytest.raises(ValueError, match="does not match type dataset"):
        run.use_artifact("data:latest", type="model")
    core.artifacts[:] = [{"verdict": "MISSING", "message": "artifact 'data:v9' not found in 'e/p'"}]
    with pytest.raises(ValueError, match="'data:v9' not found"):
        run.use_artifact("data:v9")
    core.artifacts[:] = [{"verdict": "UNREACHABLE", "message": "cannot reach http://x"}]
    with pytest.raises(errors.CommError, match="cannot reach"):
        run.use_artifact("data:v9")
    with pytest.raises(ValueError, match="You must pass an artifact name"):
        run.use_artifact(3)


def test_an_artifact_without_a_version_is_logged_as_an_input_and_waited_for(core: Any, run: Any) -> None:
    artifact = run.use_artifact(wandb.Artifact("data", "dataset"))
    fields = core.named("log_artifact")[0][0]
    assert (fields["used"], fields["only_used"]) == (True, True)
    assert asked(core)["client_id"] == artifact._client_id
    assert artifact.version == "v3"


def test_waiting_goes_on_until_the_server_has_it(core: Any, run: Any) -> None:
    core.artifacts.insert(0, {"verdict": "PENDING", "message": ""})
    core.artifacts.insert(0, {"verdict": "UNREACHABLE", "message": "offline"})
    artifact = run.log_artifact(wandb.Artifact("data", "dataset"))
    assert artifact.wait() is artifact
    assert artifact.name == "data:v3"
    assert len(core.named("get_artifact")) == 3


def test_waiting_ends_with_its_time_or_with_a_reason(core: Any, run: Any) -> None:
    artifact = run.log_artifact(wandb.Artifact("data", "dataset"))
    core.artifacts[:] = [{"verdict": "PENDING", "message": "the server is away"}]
    with pytest.raises(WaitTimeoutError, match="the server is away"):
        artifact.wait(timeout=0)
    core.artifacts[:] = [{"verdict": "LOST", "message": "f.txt was changed before its upload"}]
    with pytest.raises(ValueError, match="f.txt was changed"):
        artifact.wait()


def test_offline_there_is_nothing_to_wait_for_or_to_use(core: Any, run: Any) -> None:
    run.finish()
    with wandb.init(mode="offline") as offline:
        artifact = offline.log_artifact(wandb.Artifact("data", "dataset"))
        with pytest.raises(ArtifactNotLoggedError, match="Artifact.wait"):
            artifact.wait()
        with pytest.raises(TypeError, match="offline mode"):
            offline.use_artifact("data:latest")
        with pytest.raises(RuntimeError, match="not supported in offline mode"):
            offline.use_model("data:latest")
        with pytest.raises(errors.UsageError, match="make a new Artifact"):
            offline.log_artifact(artifact)
        offline.link_artifact(artifact, "other")
    assert core.named("link")[0][0]["client_id"] == artifact._client_id


def test_logging_again_waits_for_the_version_and_gives_it_more_aliases(core: Any, run: Any) -> None:
    artifact = run.log_artifact(wandb.Artifact("data", "dataset"))
    run.log_artifact(artifact, aliases=["best"])
    change = core.named("change_artifact")[0][0]
    assert (change["id"], change["collection_path"]) == (facts()["id"], "e/p/data")
    assert (change["add_alias"], change["remove_alias"]) == (["best"], [])
    assert len(core.named("log_artifact")) == 1


def test_a_name_is_asked_for_after_what_this_process_has_logged_by_it(core: Any, run: Any) -> None:
    run.log_artifact(wandb.Artifact("data", "dataset"))
    run.log_artifact(wandb.Artifact("other", "dataset"))
    run.use_artifact("data:latest")
    asked = [fields.get("name") or "logged" for (fields,) in core.named("get_artifact")]
    assert asked == ["logged", "data:latest"]
    run.use_artifact("data:latest")
    assert len(core.named("get_artifact")) == 3


def test_changes_of_a_version_are_saved(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    artifact.aliases = ["prod"]
    artifact.tags.append("u")
    artifact.description = "new"
    artifact.metadata["y"] = 2
    artifact.ttl = None
    artifact.save()
    change = core.named("change_artifact")[0][0]
    assert (change["add_alias"], change["remove_alias"]) == (["prod"], ["latest"])
    assert (change["add_tag"], change["remove_tag"]) == (["u"], [])
    assert (change["description"], json.loads(change["metadata_json"])) == ("new", {"x": 1, "y": 2})
    assert change["ttl_s"] == -1


def test_files_come_to_a_folder_with_the_name_of_the_version(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    folder = artifact.download()
    assert folder == os.path.abspath("artifacts/data:v3")
    assert Path(folder, "a/f.txt").read_text() == "hello"
    assert artifact.download("here", path_prefix="a/") == "here"
    asked = core.named("download_artifact")[-1][0]
    assert (asked["root"], asked["prefix"], asked["path"]) == (os.path.abspath("here"), "a/", [])
    assert artifact.get_entry("a/f.txt").download("one") == os.path.abspath("one/a/f.txt")
    assert core.named("download_artifact")[-1][0]["path"] == ["a/f.txt"]
    assert artifact.file() == os.path.abspath("artifacts/data:latest/a/f.txt")
    assert [(file.name, file.size) for file in artifact.files()] == [("a/f.txt", 5)]
    with pytest.raises(KeyError, match="Path not contained in artifact: x"):
        artifact.get_entry("x")


def test_a_download_that_fails_says_which_file(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    core.downloaded["error"] = "a/f.txt: 404"
    with pytest.raises(ValueError, match="cannot download data:latest: a/f.txt: 404"):
        artifact.download()


def test_a_folder_is_verified_and_checked_out(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    folder = artifact.download()
    artifact.verify()
    Path(folder, "more").write_text("x")
    with pytest.raises(ValueError, match="more which is not a member"):
        artifact.verify()
    artifact.checkout(folder)
    assert not Path(folder, "more").exists()
    Path(folder, "a/f.txt").write_text("other")
    with pytest.raises(ValueError, match="Digest mismatch for file: a/f.txt"):
        artifact.verify()


def test_references_are_fetched_from_where_they_are(core: Any, run: Any) -> None:
    Path("target").write_text("hello")
    entry = {"digest": HELLO, "size": 5, "ref": Path("target").absolute().as_uri()}
    manifest = json.loads(facts()["manifest_json"]) | {"contents": {"r": entry}}
    core.artifacts[:] = [{"verdict": "FOUND", "artifact": facts(manifest_json=json.dumps(manifest))}]
    core.downloaded.update(files={}, reference=["r"])
    artifact = run.use_artifact("data:latest")
    assert Path(artifact.download(), "r").read_text() == "hello"
    Path("target").write_text("other")
    with pytest.raises(ValueError, match="Digest mismatch for path"):
        artifact.download("again")
    assert artifact.download("again", allow_missing_references=True) == "again"
    assert artifact.get_entry("r").ref_target().startswith("file://")


def test_a_model_comes_as_its_file(core: Any, run: Any) -> None:
    with pytest.raises(AssertionError, match="'model' artifacts"):
        run.use_model("data:latest")
    core.artifacts[:] = [{"verdict": "FOUND", "artifact": facts(type="model")}]
    assert run.use_model("data:latest") == os.path.abspath("artifacts/data:v3/a")


def test_a_draft_of_a_version_names_what_the_server_has_already(core: Any, run: Any) -> None:
    Path("new").write_text("x")
    draft = run.use_artifact("data:latest").new_draft()
    draft.add_file("new")
    run.log_artifact(draft)
    fields = core.named("log_artifact")[0][0]
    assert (fields["name"], fields["base_id"]) == ("data", facts()["id"])
    assert fields["file"][0] == {
        "path": "a/f.txt", "birth_id": "QXJ0aWZhY3Q6MQ==", "digest": HELLO, "size": 5, "skip_cache": False
    }  # fmt: skip
    assert fields["file"][1][0] == "new"


def test_a_link_is_told_to_the_daemon_and_waited_for_when_its_version_is_asked(core: Any, run: Any) -> None:
    artifact = run.log_artifact(wandb.Artifact("data", "dataset"))
    linked = run.link_artifact(artifact, "e/q/good", aliases=["prod"])
    assert core.named("link")[0][0] == {"target": "e/q/good", "alias": ["prod"], "client_id": artifact._client_id}
    assert core.named("get_artifact") == []
    core.artifacts.append({"verdict": "FOUND", "artifact": facts(project="q", collection="good", version_index=0)})
    assert linked.version == "v0"
    assert (linked.is_link, linked.name, linked.source_name) == (True, "good:v0", "data:v3")
    linked.unlink()
    assert core.named("change_artifact")[0][0]["collection_path"] == "e/q/good"
    with pytest.raises(ValueError, match="Cannot set TTL for link"):
        linked.ttl = None


def test_a_model_is_logged_and_linked_to_the_registry(core: Any, run: Any) -> None:
    Path("m.bin").write_text("x")
    run.link_model("m.bin", "best-model", name="mine")
    assert core.named("log_artifact")[0][0]["name"] == "mine"
    assert core.named("link")[0][0]["target"] == "model-registry/best-model"
    with pytest.raises(AssertionError, match="only the name of the registered model"):
        run.link_model("m.bin", "a/b")


def test_a_version_is_deleted(core: Any, run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    artifact.delete(delete_aliases=True)
    change = core.named("change_artifact")[0][0]
    assert (change["delete"], change["delete_aliases"]) == (True, True)
    assert artifact.state == "DELETED"


def test_who_made_and_used_it_is_left_to_the_official_client(run: Any) -> None:
    artifact = run.use_artifact("data:latest")
    for ask in (artifact.logged_by, artifact.used_by):
        with pytest.raises(errors.UnsupportedError, match=r"wandb.Api\(\).artifact\('e/p/data:latest'\)"):
            ask()


def test_saving_without_a_run_makes_one(core: Any, run: Any) -> None:
    run.finish()
    wandb.Artifact("data", "dataset").save(project="q")
    assert core.opened[-1].fields["job_type"] == "auto"
    assert core.opened[-1].fields["project"] == "q"
    assert wandb.run is None
