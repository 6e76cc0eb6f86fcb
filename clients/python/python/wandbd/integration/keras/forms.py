"""Which file or folder a checkpoint path means: Keras 3 writes only `.keras`, `.h5` and `.weights.h5`."""

from __future__ import annotations

import re
from typing import NamedTuple

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*$")


class Form(NamedTuple):
    """How a path is written."""

    template: str
    """A path that Keras accepts, with the placeholders of the given one."""
    name: str
    """`keras`, `h5`, `weights.h5` or `folder`."""
    folder: bool
    """Whether the given path is a folder; `template` is then the model in it."""
    note: str
    """What to tell the user; empty when the path is taken as it is."""


def has_placeholder(path: str) -> bool:
    """Whether the path changes with the epoch or a metric."""
    return _PLACEHOLDER.search(path) is not None


def chosen_form(path: str, weights_only: bool) -> Form:
    """The form for a path as the user gave it; one that Keras refuses and nothing is known about is left to Keras."""
    return _weights(path) if weights_only else _model(path)


def _model(path: str) -> Form:
    if path.endswith(".keras"):
        return Form(path, "keras", False, "")
    extension = _extension(path)
    if extension == ".h5":
        return Form(path, "h5", False, "")
    if path.endswith("/") or extension in ("", ".tf"):
        folder = path.rstrip("/")
        return Form(f"{folder}/model.keras", "folder", True, f"the folder {folder} will hold model.keras")
    return Form(path, extension.lstrip("."), False, "")


def _weights(path: str) -> Form:
    if path.endswith(".weights.h5"):
        return Form(path, "weights.h5", False, "")
    stem = path.rstrip("/")
    extension = _extension(stem)
    if extension in (".h5", ".hdf5", ".keras"):
        stem = stem[: -len(extension)]
    return Form(f"{stem}.weights.h5", "weights.h5", False, f"weights are saved as {stem}.weights.h5")


def _extension(path: str) -> str:
    """What follows the last dot of the last part, not counting dots inside placeholders."""
    found = _EXTENSION.search(_PLACEHOLDER.sub("_", path.rpartition("/")[2]))
    return found.group() if found else ""
