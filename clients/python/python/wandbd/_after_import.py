"""Doing something to a module right after it was imported, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

Change = Callable[[ModuleType], None]


def after_import(name: str, change: Change) -> None:
    """Call `change` with the module `name`: now if it is loaded, else when it will be."""
    module = sys.modules.get(name)
    if module is not None:
        change(module)
        return
    if _WAITING not in sys.meta_path:
        sys.meta_path.insert(0, _WAITING)
    _WAITING.changes[name] = change


def forget(name: str) -> None:
    """Leave the module `name` as it comes."""
    _WAITING.changes.pop(name, None)


class _Waiting(MetaPathFinder):
    """Finds modules as everybody else does, and changes those that were waited for."""

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self._asking: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.changes or name in self._asking:
            return None
        self._asking.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._asking.discard(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, self.changes.pop(name))
        return spec


class _Changing(Loader):
    """A loader that changes what it has loaded."""

    def __init__(self, loader: Loader, change: Change) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)


_WAITING = _Waiting()
