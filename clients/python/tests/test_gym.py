"""`init(monitor_gym=True)`: recorded videos are logged. The recorders are those of the libraries in form."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import wandbd as wandb


class RecordVideo:
    """As gymnasium 1.x has it: the name of the file goes when it is closed."""

    def __init__(self) -> None:
        self.video_folder, self._video_name, self.recording = "videos", "rl-video.7.episode-0", True

    def close(self) -> None:
        Path("videos").mkdir(exist_ok=True)
        Path("videos/rl-video.7.episode-0.mp4").write_bytes(b"\0")
        self.recording, self._video_name = False, ""


def library(name: str, version: str) -> ModuleType:
    module = ModuleType(name)
    module.__version__ = version  # type: ignore[attr-defined]
    return module


@pytest.fixture
def videos(monkeypatch: pytest.MonkeyPatch, core: Any) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(wandb, "Video", lambda path: found.append(path) or path, raising=False)
    return found


def test_a_recorder_that_closes_logs_its_video(monkeypatch: pytest.MonkeyPatch, core: Any, videos: list[str]) -> None:
    wrappers = library("gymnasium.wrappers", "")
    recorder = type("RecordVideo", (RecordVideo,), {"close": RecordVideo.close})
    wrappers.RecordVideo = recorder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gymnasium", library("gymnasium", "1.2.0"))
    monkeypatch.setitem(sys.modules, "gymnasium.wrappers", wrappers)
    wandb.init(monitor_gym=True).finish()
    run = wandb.init(monitor_gym=True)
    recorder().close()
    assert videos == ["videos/rl-video.7.episode-0.mp4"]
    assert core.opened[-1].rows == [{"video.7": "videos/rl-video.7.episode-0.mp4"}]
    run.finish()
    recorder().close()
    assert len(videos) == 1


def test_without_gym_there_is_an_error_and_no_run(monkeypatch: pytest.MonkeyPatch, core: Any) -> None:
    for name in ("gymnasium", "gym"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(wandb.Error, match="pip install gymnasium"):
        wandb.init(monitor_gym=True)
    assert core.opened == []
