"""TensorBoard's event files beside a run: `wandbd.init(sync_tensorboard=True)`, or `wandbd.tensorboard.patch()` before.

Writers of tensorboardX, torch.utils.tensorboard and TensorFlow tell where they write; the daemon reads the files. Each
step becomes a history row with `global_step`; numbers, histograms and pictures are taken over. None of these libraries
is imported here: they are changed when the script imports them.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wandbd._after_import import after_import, forget
from wandbd._term import of_current_run

__all__ = ["patch", "unpatch"]

# Modules with a class `EventFileWriter(logdir, ...)`, and TensorFlow's with a function.
_WRITERS = (
    "tensorboardX.writer",
    "torch.utils.tensorboard.writer",
    "tensorboard.summary.writer.event_file_writer",
    "tensorflow.python.summary.writer.writer",
)
_FUNCTIONS = "tensorflow.python.ops.gen_summary_ops"

_undo: list[Callable[[], None]] = []
_patched = False


def patch(
    save: bool = True, tensorboard_x: bool | None = None, pytorch: bool | None = None, root_logdir: str = ""
) -> None:
    """Follow all writers that are made from now on while there is a run.

    Args:
        save: Whether the event files become files of the run, too.
        tensorboard_x: Of no effect: all kinds of writers are followed.
        pytorch: Of no effect.
        root_logdir: Folder whose subfolders name the metrics; by default what all writers have in common.

    Raises:
        ValueError: That was done already.
    """
    global _patched
    if _patched:
        raise ValueError(
            "Tensorboard already patched. Call `wandb.tensorboard.unpatch()` first; "
            "remove `sync_tensorboard=True` from `wandb.init`; or only call `wandb.tensorboard.patch` once."
        )
    _patched = True
    places = Places(save, root_logdir)
    for name in _WRITERS:
        after_import(name, lambda module: _patch_class(module, places))
    after_import(_FUNCTIONS, lambda module: _patch_function(module, places))


def unpatch() -> None:
    """Leave writers alone again."""
    global _patched
    for name in (*_WRITERS, _FUNCTIONS):
        forget(name)
    while _undo:
        _undo.pop()()
    _patched = False


def is_patched() -> bool:
    """Whether writers are followed."""
    return _patched


class Places:
    """Where writers write, and what metrics of each place are called."""

    def __init__(self, save: bool, root: str) -> None:
        """Know no place yet."""
        self._save = save
        self._root = os.path.abspath(root) if root else ""
        self._run: Any = None
        self._names: dict[str, str] = {}

    def add(self, folder: str) -> None:
        """Follow a folder for the current run; without a run nothing happens."""
        from wandbd import _registry

        run = _registry.current()
        if run is None or run.disabled:
            return
        if run is not self._run:
            self._run, self._names = run, {}
        known = [*self._names, os.path.abspath(folder)]
        root = self._root_of(folder, known)
        if len(set(known)) == 2 and len(self._names) == 1 and not self._root:
            of_current_run().warn(
                "When using several event log directories, please call "
                '`wandb.tensorboard.patch(root_logdir="...")` before `wandb.init`'
            )
        for place in known:
            inside = os.path.relpath(place, root)
            name = "" if inside == os.curdir or inside.startswith(os.pardir) else inside.replace(os.sep, "/")
            if self._names.get(place) != name:
                self._names[place] = name
                run._core.event_files(place, name, self._save)

    def _root_of(self, folder: str, known: list[str]) -> str:
        own = re.search(rf"-\d+_{re.escape(socket.gethostname())}", folder)
        if own:  # the writer was given no folder and has made a name
            return os.path.abspath(folder[: own.end()])
        if self._root:
            if os.path.commonpath([self._root, known[-1]]) == self._root:
                return self._root
            of_current_run().warn(
                "Found log directory outside of given root_logdir, "
                f"dropping given root_logdir for event file in {folder}"
            )
        return os.path.commonpath(known)


def _patch_class(module: ModuleType, places: Places) -> None:
    original = getattr(module, "EventFileWriter", None)
    if original is None:
        return

    class Followed(original):  # type: ignore[misc, valid-type]
        def __init__(self, logdir: Any, *args: Any, **kwargs: Any) -> None:
            _tell(places, logdir)
            super().__init__(logdir, *args, **kwargs)

    Followed.__name__, Followed.__qualname__ = original.__name__, original.__qualname__
    module.EventFileWriter = Followed  # type: ignore[attr-defined]
    _undo.append(lambda: setattr(module, "EventFileWriter", original))


def _patch_function(module: ModuleType, places: Places) -> None:
    original = getattr(module, "create_summary_file_writer", None)
    if original is None:
        return

    def followed(*args: Any, **kwargs: Any) -> Any:
        logdir = kwargs.get("logdir", args[1] if len(args) > 1 else None)
        if logdir is not None:
            _tell(places, logdir.numpy() if hasattr(logdir, "numpy") else logdir)
        return original(*args, **kwargs)

    module.create_summary_file_writer = followed  # type: ignore[attr-defined]
    _undo.append(lambda: setattr(module, "create_summary_file_writer", original))


def _tell(places: Places, logdir: Any) -> None:
    """Follow a folder; what goes wrong here must not keep the script from writing there."""
    try:
        folder = os.fsdecode(logdir) if isinstance(logdir, bytes) else os.fspath(logdir)
        places.add(folder)
    except Exception as error:
        of_current_run().warn(f"event files in {logdir!r} are not followed: {error}")
