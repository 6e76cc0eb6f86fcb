"""Artifacts: what is added is handed over as it was when it was added."""

from __future__ import annotations

import json
import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors
from wandbd._artifact_errors import ArtifactFinalizedError, ArtifactNotLoggedError


@pytest.fixture(autouse=True)
def run(core: Any) -> Any:
    Path("f.txt").write_text("one")
    Path("d/e").mkdir(parents=True)
    Path("d/a.txt").write_text("a")
    Path("d/e/b.txt").write_text("b")
    return wandb.init(id="abc")


def logged(core: Any) -> dict[str, Any]:
    found: dict[str, Any] = core.named("log_artifact")[-1][0]
    return found


def files(core: Any) -> dict[str, dict[str, Any]]:
    """All files of the last artifact, by path."""
    found = [
        dict(zip(("path", "source", "staged"), file, strict=True)) if isinstance(file, tuple) else file
        for file in logged(core)["file"]
    ]
    return {file["path"]: file for file in found}


def contents(core: Any) -> dict[str, str]:
    return {path: Path(file["source"]).read_text() for path, file in files(core).items()}


# Files


def test_a_file_is_kept_as_it_was_when_it_was_added(core: Any) -> None:
    artifact = wandb.Artifact("model", "model", description="d", metadata={"x": {1}})
    artifact.add_file("f.txt", "sub/g.txt")
    Path("f.txt").write_text("two")
    wandb.log_artifact(artifact, aliases=["best"], tags=["t"])
    fields = logged(core)
    assert (fields["name"], fields["type"], fields["description"]) == ("model", "model", "d")
    assert (fields["alias"], fields["tag"]) == (["best"], ["t"])
    assert json.loads(fields["metadata_json"]) == {"x": [1]}
    assert contents(core) == {"sub/g.txt": "one"}
    file = files(core)["sub/g.txt"]
    assert file["staged"] is True
    assert file["source"].startswith(core.staging)
    assert len({fields["client_id"], fields["sequence_client_id"]}) == 2


def test_an_immutable_file_is_read_where_it_lies(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("f.txt", policy="immutable")
    wandb.log_artifact(artifact)
    assert logged(core)["file"] == [("f.txt", os.path.abspath("f.txt"), False)]
    assert logged(core)["alias"] == ["latest"]


def test_large_files_are_kept_by_the_daemon_and_small_ones_here(core: Any) -> None:
    Path("d/large").write_bytes(b"x" * 65536)
    artifact = wandb.Artifact("model", "model")
    artifact.add_dir("d")
    assert [[source for source, _ in call[0]] for call in core.named("stage")] == [[os.path.abspath("d/large")]]
    wandb.log_artifact(artifact)
    assert {path: len(text) for path, text in contents(core).items()} == {"a.txt": 1, "e/b.txt": 1, "large": 65536}


def test_what_the_daemon_does_not_keep_is_copied_here_under_another_name(core: Any) -> None:
    Path("large").write_bytes(b"x" * 65536)
    core.stage_answer["kept"] = ["NOT_KEPT"]
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("large")
    wandb.log_artifact(artifact)
    asked = core.named("stage")[0][0][0][1]
    assert files(core)["large"]["source"] != asked
    assert len(contents(core)["large"]) == 65536


def test_without_room_the_artifact_is_left_out_and_the_run_goes_on(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("large").write_bytes(b"x" * 65536)
    core.stage_answer["full"] = "100 GiB of 100 GiB are in use; raise WANDBD_STAGING_BYTES"
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("f.txt")
    artifact.add_file("large")
    wandb.log_artifact(artifact)
    wandb.log({"loss": 1})
    assert core.named("log_artifact") == []
    assert "artifact model is not logged: 100 GiB of 100 GiB are in use" in capsys.readouterr().err
    with pytest.raises(ValueError, match="raise WANDBD_STAGING_BYTES"):
        artifact.wait()
    assert os.listdir(core.staging) == []


def test_a_linked_file_keeps_its_content_when_its_name_comes_to_mean_another(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact._add_link("f.txt", os.path.abspath("f.txt"))
    Path("new").write_text("two")
    os.replace("new", "f.txt")
    wandb.log_artifact(artifact)
    assert contents(core) == {"f.txt": "one"}


def test_adding_over_a_link_does_not_write_through_it(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact._add_link("x", os.path.abspath("f.txt"))
    artifact.add_file("d/a.txt", "x", overwrite=True)
    assert Path("f.txt").read_text() == "one"


def test_a_folder_is_added_with_its_relative_paths(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir("d")
    artifact.add_dir("d", name="copy")
    assert artifact.get_added_local_path_name("d/e/b.txt") == "copy/e/b.txt"
    wandb.log_artifact(artifact)
    assert contents(core) == {"a.txt": "a", "e/b.txt": "b", "copy/a.txt": "a", "copy/e/b.txt": "b"}


def test_of_an_odd_folder_the_files_are_taken_and_the_rest_is_named(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("d/pipe")
    os.symlink("nowhere", "d/dangling")
    os.symlink("self", "d/self")
    os.symlink("..", "d/e/up")
    os.symlink("e", "d/again")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("d/socket")
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir("d")
    wandb.log_artifact(artifact)
    assert contents(core) == {"a.txt": "a", "e/b.txt": "b", "again/b.txt": "b"}
    said = capsys.readouterr().err
    for name in ("dangling (a link to nothing)", "pipe (no file)", "socket (no file)", "self (Too many levels"):
        assert name in said
    assert said.count("left out of the artifact") == 1


def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path: str) -> Any:
        if path.endswith("/e"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError, match="d/e"):
        wandb.Artifact("data", "dataset").add_dir("d")


def test_a_new_file_belongs_to_the_artifact_when_it_is_closed(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    with artifact.new_file("x/y.txt") as file:
        file.write("hello")
    with pytest.raises(ValueError, match="already exists"), artifact.new_file("x/y.txt"):
        pass
    with artifact.new_file("x/y.txt", "wb") as file:
        file.write(b"again")
    wandb.log_artifact(artifact)
    assert contents(core) == {"x/y.txt": "again"}
    assert files(core)["x/y.txt"]["skip_cache"] is True


def test_a_temporary_file_is_named_by_its_content(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    entry = artifact.add_file("f.txt", "media/one.table.json", is_tmp=True)
    assert entry.path == "media/f97c5d29941bfb1b2fda.table.json"


def test_entries_are_removed_by_path_by_folder_and_by_themselves() -> None:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir("d")
    artifact.add_dir("d", name="copy")
    entry = artifact.add_file("f.txt")
    artifact.remove("a.txt")
    artifact.remove("copy")
    artifact.remove(entry)
    assert list(artifact.manifest.entries) == ["e/b.txt"]
    with pytest.raises(FileNotFoundError, match="No such file or directory: copy"):
        artifact.remove("copy")


def test_a_path_is_logged_under_the_runs_and_its_own_name(core: Any) -> None:
    Path("we ird.txt").write_text("x")
    assert wandb.log_artifact("we ird.txt").name == "run-abc-we_ird.txt"
    assert (logged(core)["name"], logged(core)["type"]) == ("run-abc-we_ird.txt", "unspecified")
    wandb.log_artifact("d", name="n", type="t", aliases="best")
    assert (logged(core)["name"], logged(core)["type"], logged(core)["alias"]) == ("n", "t", ["best"])
    assert contents(core) == {"a.txt": "a", "e/b.txt": "b"}


def test_what_was_never_logged_is_tidied_up(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("f.txt")
    assert len(os.listdir(core.staging)) == 1
    del artifact
    assert os.listdir(core.staging) == []


# Digests, by the SDK's own figures


def test_digests_are_those_of_wandb() -> None:
    Path("hello").write_text("hello")
    Path("empty").touch()
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_file("hello", "dir/f.txt")
    assert artifact.digest == "33dc0dd41b692295dde50eeb49415311"
    assert artifact.manifest.entries["dir/f.txt"].digest == "XUFAKrxLKna5cZ2REBfFkg=="
    assert artifact.add_file("empty").digest == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert artifact.size == 5
    assert artifact.manifest.to_manifest_json()["storagePolicyConfig"] == {"storageLayout": "V2"}


def test_two_contents_at_one_path_are_refused_unless_that_is_asked_for() -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.add_file("f.txt")
    artifact.add_file("f.txt")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        artifact.add_file("d/a.txt", "f.txt")
    artifact.add_file("d/a.txt", "f.txt", overwrite=True)
    assert artifact.manifest.entries["f.txt"].digest == "DMF1ucDxtqgxw5niaXcmYQ=="


# References


def test_local_references_name_each_file_and_leave_it_there(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    here = Path.cwd().as_uri()
    artifact.add_reference(f"{here}/d", name="in")
    artifact.add_reference(f"{here}/f.txt")
    wandb.log_artifact(artifact)
    found = files(core)
    assert set(found) == {"in/a.txt", "in/e/b.txt", "f.txt"}
    assert found["in/e/b.txt"]["reference"] == f"{here}/d/e/b.txt"
    assert (found["in/e/b.txt"]["size"], found["in/e/b.txt"]["digest"]) == (1, "")
    assert os.listdir(core.staging) == []


def test_references_without_checksums_have_their_address_as_digest(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_reference("s3://bucket/key", checksum=False)
    artifact.add_reference("https://example.com/x.csv", checksum=False)
    artifact.add_reference("ftp://host/y", name="y")
    wandb.log_artifact(artifact)
    assert {path: file["digest"] for path, file in files(core).items()} == {
        "key": "s3://bucket/key",
        "x.csv": "https://example.com/x.csv",
        "y": "ftp://host/y",
    }


def test_a_web_reference_is_asked_by_the_daemon(core: Any) -> None:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_reference("https://example.com/x.csv")
    wandb.log_artifact(artifact)
    assert files(core)["x.csv"]["ask"] is True
    assert files(core)["x.csv"]["digest"] == ""


def test_references_that_cannot_be_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    artifact = wandb.Artifact("data", "dataset")
    with pytest.raises(ValueError, match="References must be URIs"):
        artifact.add_reference("/x/y")
    with pytest.raises(ValueError, match=r'You must pass name="<entry_name>"'):
        artifact.add_reference("ftp://host/y")
    with pytest.raises(ValueError, match="must be a valid file or directory path"):
        artifact.add_reference("file:///none/at/all")
    with pytest.raises(ValueError, match="Exceeded 1 objects tracked, pass max_objects"):
        artifact.add_reference(f"{Path.cwd().as_uri()}/d", max_objects=1)

    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(errors.Error, match="pip install boto3"):
        artifact.add_reference("s3://bucket/key")
    with pytest.raises(errors.Error, match="pip install google-cloud-storage"):
        artifact.add_reference("gs://bucket/key")


def test_an_entry_of_an_artifact_that_is_not_logged_yet_can_be_referred_to(core: Any) -> None:
    source = wandb.Artifact("source", "dataset")
    source.add_file("f.txt")
    artifact = wandb.Artifact("data", "dataset")
    address = f"wandb-client-artifact://{source._client_id}/f.txt"
    entry = artifact.add_reference(address, name="x")[0]
    assert entry.digest == source.manifest.entries["f.txt"].digest
    wandb.log_artifact(artifact)
    assert files(core)["x"]["reference"] == address


# What may be


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a b", "t"), ("a/b", "t"), ("a" * 129, "t"), ("", "t"), ("a", "wandb-x"), ("a", "job"), ("run-x", "run_table")],
)
def test_names_and_types_that_cannot_be_are_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="Artifact"):
        wandb.Artifact(name, kind)


@pytest.mark.parametrize("path", ["/x", "../x", "x/../../y", ".", "C:/x", "\\x", "a\\..\\b"])
def test_paths_that_lead_out_of_the_artifact_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="Invalid artifact path"):
        wandb.Artifact("a", "t").add_file("f.txt", path)


def test_wrong_paths_aliases_tags_and_metadata_are_refused() -> None:
    artifact = wandb.Artifact("a", "t")
    with pytest.raises(ValueError, match="Path is not a file"):
        artifact.add_file("none")
    with pytest.raises(ValueError, match="Path is not a directory"):
        artifact.add_dir("none")
    with pytest.raises(ValueError, match="Policy may only be"):
        artifact.add_file("f.txt", policy="other")
    with pytest.raises(ValueError, match="Aliases must not contain"):
        wandb.log_artifact(artifact, aliases=["x/y"])
    with pytest.raises(ValueError, match="Invalid tag"):
        wandb.log_artifact(artifact, tags=["x!"])
    with pytest.raises(ValueError, match="path must be a file"):
        wandb.log_artifact("none")
    with pytest.raises(TypeError, match="must pass an instance of wandb.Artifact"):
        wandb.log_artifact(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than 100 metadata keys"):
        wandb.Artifact("a", "t", metadata={str(n): n for n in range(101)})
    with pytest.raises(ValueError, match="Out of range float"):
        artifact.metadata = {"x": float("inf")}


def test_a_logged_artifact_does_not_change(core: Any) -> None:
    artifact = wandb.Artifact("a", "t")
    wandb.log_artifact(artifact)
    for change in (
        lambda: artifact.add_file("f.txt"),
        lambda: artifact.add_dir("d"),
        lambda: artifact.add_reference("ftp://x/y", name="y"),
        lambda: artifact.remove("x"),
    ):
        with pytest.raises(ArtifactFinalizedError, match="Can't modify finalized artifact"):
            change()


def test_what_only_the_server_knows_is_not_there_before_it_is_logged(core: Any) -> None:
    artifact = wandb.Artifact("a", "t")
    assert artifact.is_draft()
    assert artifact.id is None
    assert artifact.state == "PENDING"
    for name in ("entity", "version", "url", "commit_hash", "created_at", "ttl"):
        with pytest.raises(ArtifactNotLoggedError, match=f"Artifact.{name}"):
            getattr(artifact, name)
    with pytest.raises(ArtifactNotLoggedError, match="Artifact.wait"):
        artifact.wait()


def test_a_ttl_is_sent_if_one_is_said(core: Any) -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.ttl = timedelta(days=1)
    assert artifact.ttl == timedelta(days=1)
    wandb.log_artifact(artifact)
    assert logged(core)["ttl_s"] == 86400
    never = wandb.Artifact("a", "t")
    never.ttl = None
    wandb.log_artifact(never)
    assert logged(core)["ttl_s"] == -1
    inherited = wandb.Artifact("a", "t")
    inherited.ttl = wandb.ArtifactTTL.INHERIT
    wandb.log_artifact(inherited)
    assert "ttl_s" not in logged(core)
    with pytest.raises(ValueError, match="has to be positive"):
        inherited.ttl = timedelta(0)


# Which checkpoints are sent


@pytest.mark.parametrize(
    ("said", "keep"),
    [
        ("", None),
        ("all", None),
        ("newest", {"policy": "NEWEST", "best": False}),
        ("every:5", {"policy": "EVERY", "every": 5, "best": False}),
        ("sometimes", None),
    ],
)
def test_the_user_says_what_becomes_of_checkpoints_that_wait(
    core: Any, monkeypatch: pytest.MonkeyPatch, said: str, keep: Any
) -> None:
    monkeypatch.setenv("WANDBD_CHECKPOINTS", said)
    wandb.log_artifact(wandb.Artifact("m", "model"))
    assert logged(core).get("keep") == keep
    wandb.log_artifact(wandb.Artifact("d", "dataset"))
    assert "keep" not in logged(core)


def test_the_best_checkpoint_is_known_by_its_alias(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDBD_CHECKPOINTS", "newest")
    wandb.log_artifact(wandb.Artifact("m", "model"), aliases=["best"])
    assert logged(core)["keep"] == {"policy": "NEWEST", "best": True}


# Parts of one version


def test_parts_of_a_version_have_an_id_in_common(core: Any) -> None:
    wandb.run.finish()
    run = wandb.init(group="g")
    run.upsert_artifact(wandb.Artifact("a", "t"))
    assert (logged(core)["distributed_id"], logged(core)["unfinished"]) == ("g", True)
    run.finish_artifact(wandb.Artifact("a", "t"), distributed_id="other")
    assert (logged(core)["distributed_id"], logged(core)["unfinished"]) == ("other", False)


def test_parts_of_a_version_need_a_group_or_an_id(run: Any) -> None:
    with pytest.raises(TypeError, match="Cannot upsert artifact unless run is in a group"):
        run.upsert_artifact(wandb.Artifact("a", "t"))
    with pytest.raises(TypeError, match="Cannot finish artifact unless run is in a group"):
        run.finish_artifact(wandb.Artifact("a", "t"))


def test_a_disabled_run_takes_artifacts_and_does_nothing(core: Any) -> None:
    wandb.run.finish()
    run = wandb.init(mode="disabled")
    artifact = wandb.Artifact("a", "t")
    artifact.add_file("f.txt")
    assert run.log_artifact(artifact) is artifact
    assert run.use_artifact("x:latest").name == "x"
    assert core.named("log_artifact") == []
    assert os.listdir(core.staging) == []
