"""Artifacts: files are handed over as they were when they were added."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors


@pytest.fixture(autouse=True)
def run(core: Any) -> Any:
    Path("f.txt").write_text("one")
    Path("d/e").mkdir(parents=True)
    Path("d/a.txt").write_text("a")
    Path("d/e/b.txt").write_text("b")
    return wandb.init(id="abc")


def logged(core: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = core.named("log_artifact")[-1]
    return found


def contents(core: Any) -> dict[str, str]:
    return {inside: Path(source).read_text() for inside, source, _ in logged(core)[5]}


def test_a_file_is_kept_as_it_was_when_it_was_added(core: Any) -> None:
    artifact = wandb.Artifact("model", "model", description="d", metadata={"x": {1}})
    artifact.add_file("f.txt", "sub/g.txt")
    Path("f.txt").write_text("two")
    wandb.log_artifact(artifact, aliases=["best"])
    name, kind, description, metadata, aliases, files = logged(core)
    assert (name, kind, description, aliases) == ("model", "model", "d", ["best"])
    assert json.loads(metadata) == {"x": [1]}
    assert contents(core) == {"sub/g.txt": "one"}
    assert files[0][2] is True
    assert files[0][1].startswith(core.staging)
    assert artifact.aliases == ["best"]


def test_an_immutable_file_is_read_where_it_lies(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("f.txt", policy="immutable")
    wandb.log_artifact(artifact)
    assert logged(core)[4:] == (["latest"], [("f.txt", os.path.abspath("f.txt"), False)])


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
    wandb.log_artifact(artifact)
    assert contents(core) == {"a.txt": "a", "e/b.txt": "b", "copy/a.txt": "a", "copy/e/b.txt": "b"}


def test_a_path_is_logged_under_the_runs_and_its_own_name(core: Any) -> None:
    Path("we ird.txt").write_text("x")
    assert wandb.log_artifact("we ird.txt").name == "run-abc-we_ird.txt"
    assert logged(core)[:2] == ("run-abc-we_ird.txt", "unspecified")
    wandb.log_artifact("d", name="n", type="t", aliases="best")
    assert (logged(core)[:2], logged(core)[4]) == (("n", "t"), ["best"])
    assert contents(core) == {"a.txt": "a", "e/b.txt": "b"}


def test_what_was_never_logged_is_tidied_up(core: Any) -> None:
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("f.txt")
    assert len(os.listdir(core.staging)) == 1
    del artifact
    assert os.listdir(core.staging) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a b", "t"), ("a/b", "t"), ("a" * 129, "t"), ("", "t"), ("a", "wandb-x"), ("a", "job"), ("run-x", "run_table")],
)
def test_names_and_types_that_cannot_be_are_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="Artifact"):
        wandb.Artifact(name, kind)


def test_wrong_paths_and_aliases_are_refused() -> None:
    artifact = wandb.Artifact("a", "t")
    artifact.add_file("f.txt")
    artifact.add_file("f.txt")
    with pytest.raises(ValueError, match="Path is not a file"):
        artifact.add_file("none")
    with pytest.raises(ValueError, match="Path is not a directory"):
        artifact.add_dir("none")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        artifact.add_file("d/a.txt", "f.txt")
    with pytest.raises(ValueError, match="Aliases must not contain"):
        wandb.log_artifact(artifact, aliases=["x/y"])
    with pytest.raises(ValueError, match="path must be a file"):
        wandb.log_artifact("none")


def test_what_is_not_built_says_so() -> None:
    with pytest.raises(errors.UnsupportedError, match="incremental"):
        wandb.Artifact("a", "t", incremental=True)
    with pytest.raises(errors.UnsupportedError, match="references"):
        wandb.log_artifact("s3://bucket/x")
    with pytest.raises(errors.UnsupportedError, match="tags"):
        wandb.log_artifact("f.txt", tags=["x"])
    with pytest.raises(AttributeError, match=r"does not provide `Artifact\.wait` yet"):
        wandb.Artifact("a", "t").wait()
