"""wandbd in the place of `wandb`, for programs that nobody changes: `wandbd run python train.py`.

A folder with a package `wandb` goes to the front of PYTHONPATH, so that the program and all its children (spawned
workers and scripts started by it included) find that package first. It puts wandbd's modules in the place of W&B's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

THEIRS = "wandb"
OURS = "wandbd"
USAGE = """usage: wandbd run [--] COMMAND [ARGUMENT ...]
       python -m wandbd.run [-m MODULE | -c CODE | SCRIPT] [ARGUMENT ...]

Runs a program with wandbd in the place of wandb, for it and its children: `import wandb` gives wandbd."""


def folder() -> str:
    """The folder that goes to the front of PYTHONPATH."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_stand_in")


def environment() -> dict[str, str]:
    """The environment of a program that finds wandbd in the place of wandb."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != folder()]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([folder(), *paths])}


def install() -> None:
    """Make `wandb` and all below it mean wandbd, in this process."""
    import wandbd

    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    sys.modules[THEIRS] = wandbd


class Finder(MetaPathFinder):
    """Finds `wandb.x.y` as `wandbd.x.y`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec that loads our module of the same name; None if it is not W&B's, or we have none."""
        if not name.startswith(THEIRS + "."):
            return None
        from importlib.util import find_spec

        ours = OURS + name[len(THEIRS) :]
        try:
            found = find_spec(ours)
        except ModuleNotFoundError:
            return None
        return (
            None
            if found is None
            else ModuleSpec(name, Same(ours), is_package=found.submodule_search_locations is not None)
        )


class Same(Loader):
    """Gives a module that is, or will be, there under our name."""

    def __init__(self, ours: str) -> None:
        """Remember the name."""
        self._ours = ours
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Our module, imported under its own name."""
        from importlib import import_module

        module = import_module(self._ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; it keeps the spec of its own name."""
        module.__spec__ = self._spec


def run(command: Sequence[str]) -> NoReturn:
    """Become `command`, with wandbd in the place of wandb; ends the process if that is not possible."""
    words = list(command[1:] if command[:1] == ["--"] else command)
    if not words or words[0] in ("-h", "--help"):
        (sys.stdout if words else sys.stderr).write(USAGE + "\n")
        sys.exit(0 if words else 2)
    sys.stdout.flush()
    try:
        os.execvpe(words[0], words, environment())
    except OSError as error:
        sys.stderr.write(f"wandbd run: cannot run {words[0]}: {error.strerror}\n")
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
