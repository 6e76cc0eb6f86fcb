"""`init(monitor_gym=True)`: the videos that gymnasium or gym records are logged when a recorder closes its file."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from wandbd._errors import Error

_KEY = re.compile(r".+(video\.\d+).+")


def monitor() -> None:
    """Make the recorders of gymnasium, or of gym where that is not installed, log what they have recorded; once.

    Raises:
        Error: Neither is installed.
    """
    recorder, path = _recorder()
    if getattr(recorder, "_wandbd", False):
        return
    recorder._wandbd = True
    recorder.orig_close = recorder.close
    recorder.close = _closing(recorder.close, path)


def _recorder() -> tuple[Any, str]:
    """The class that writes videos, and its attribute with the file's path."""
    for name in ("gymnasium", "gym"):
        try:
            library = import_module(name)
        except ImportError:
            continue
        version = tuple(int(part) for part in re.findall(r"\d+", library.__version__)[:2])
        if name == "gymnasium" and version >= (1, 0):
            return import_module("gymnasium.wrappers").RecordVideo, "path"
        module = import_module(f"{name}.wrappers.monitoring.video_recorder")
        return (module.ImageEncoder, "output_path") if version < (0, 26) else (module.VideoRecorder, "path")
    raise Error("Couldn't import the gymnasium python package, install with `pip install gymnasium`")


def _closing(close: Callable[[Any], Any], attribute: str) -> Callable[[Any], Any]:
    def closed(self: Any) -> Any:
        recording = _path(self, attribute) if getattr(self, "recording", True) else ""
        result = close(self)
        path = recording or _path(self, attribute)
        if path and getattr(self, "enabled", True):
            _log(path)
        return result

    return closed


def _path(recorder: Any, attribute: str) -> str:
    """Where the recorder writes; newer ones tell only the folder and the name."""
    path = getattr(recorder, attribute, None)
    if path:
        return str(path)
    folder, name = getattr(recorder, "video_folder", None), getattr(recorder, "_video_name", None)
    return f"{folder}/{name}.mp4" if folder and name else ""


def _log(path: str) -> None:
    import os

    import wandbd

    run = wandbd.run
    if run is None or not os.path.exists(path):
        return
    found = _KEY.match(path)
    module: Any = wandbd
    run.log({found.group(1) if found else "videos": module.Video(path)})
