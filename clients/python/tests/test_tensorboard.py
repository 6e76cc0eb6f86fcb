"""Following writers of event files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wandbd
from wandbd import _after_import, tensorboard

WRITER = "class EventFileWriter:\n    def __init__(self, logdir, queue=1):\n        self.logdir = logdir\n"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    tensorboard.unpatch()
    for name in list(sys.modules):
        if name.split(".")[0] == "tensorboardX":
            del sys.modules[name]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lib" / "tensorboardX"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "writer.py").write_text(WRITER)
    monkeypatch.syspath_prepend(str(package.parent))


def writer(*args: Any) -> Any:
    from importlib import import_module

    return import_module("tensorboardX.writer").EventFileWriter(*args)


def followed(core: Any) -> list[tuple[str, str, bool]]:
    return [call[1:] for call in core.calls if call[0] == "event_files"]


def test_a_module_that_comes_later_is_changed_when_it_comes(library: None) -> None:
    seen: list[str] = []
    _after_import.after_import("tensorboardX.writer", lambda module: seen.append(module.__name__))
    assert seen == [] and "tensorboardX" not in sys.modules
    assert writer("x").logdir == "x"
    assert seen == ["tensorboardX.writer"]
    assert type(sys.modules["tensorboardX.writer"].__spec__.loader).__name__ == "SourceFileLoader"  # type: ignore[union-attr]


def test_a_module_that_is_there_is_changed_at_once(library: None) -> None:
    writer("x")
    seen: list[str] = []
    _after_import.after_import("tensorboardX.writer", lambda module: seen.append(module.__name__))
    assert seen == ["tensorboardX.writer"]


def test_the_folder_of_a_writer_is_told_to_the_run(core: Any, library: None, tmp_path: Path) -> None:
    wandbd.init(project="p", mode="offline", sync_tensorboard=True)
    writer(str(tmp_path / "logs"))
    assert followed(core) == [(str(tmp_path / "logs"), "", True)]


def test_several_folders_are_named_from_what_they_have_in_common(core: Any, library: None, tmp_path: Path) -> None:
    wandbd.init(project="p", mode="offline", sync_tensorboard=True)
    writer(str(tmp_path / "logs/train"))
    writer(str(tmp_path / "logs/val"))
    writer(str(tmp_path / "logs/train/more"))
    assert [(Path(folder).name, name) for folder, name, _ in followed(core)] == [
        ("train", ""),
        ("train", "train"),
        ("val", "val"),
        ("more", "train/more"),
    ]


def test_a_given_root_names_the_folders(core: Any, library: None, tmp_path: Path) -> None:
    tensorboard.patch(save=False, root_logdir=str(tmp_path))
    wandbd.init(project="p", mode="offline", sync_tensorboard=True)
    writer(str(tmp_path / "a" / "b"))
    assert followed(core) == [(str(tmp_path / "a" / "b"), "a/b", False)]


def test_without_a_run_and_after_unpatch_writers_are_left_alone(core: Any, library: None, tmp_path: Path) -> None:
    tensorboard.patch()
    assert writer(str(tmp_path)).logdir == str(tmp_path)
    tensorboard.unpatch()
    wandbd.init(project="p", mode="offline")
    writer(str(tmp_path))
    assert followed(core) == []


def test_patching_twice_is_an_error_with_the_way_out() -> None:
    tensorboard.patch()
    with pytest.raises(ValueError, match="Tensorboard already patched"):
        tensorboard.patch()
