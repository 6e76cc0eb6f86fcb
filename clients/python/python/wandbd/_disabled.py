"""The core's stand-in in disabled mode: everything works, nothing is kept but the summary, and nobody is contacted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class DisabledCore:
    """Has the methods of the core's `Run` and does nothing with them."""

    session = ""
    step = 0
    stopped = False

    def __init__(self, run_id: str) -> None:
        """Pretend to be the run `run_id`."""
        self.run_id = run_id
        self._pid = os.getpid()
        self._values: dict[str, Any] = {}

    @property
    def owner(self) -> bool:
        """Whether this process made the run."""
        return os.getpid() == self._pid

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Remember the last values."""
        if not isinstance(data, Mapping):
            raise TypeError("wandb.log must be passed a dictionary")
        self._values.update(data)

    def config(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None:
        """Nothing."""

    def summary(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None:
        """Remember values and forget removed ones."""
        for path in remove:
            inside: Any = self._values
            for name in path[:-1]:
                inside = inside.get(name, {}) if isinstance(inside, dict) else {}
            if isinstance(inside, dict):
                inside.pop(path[-1], None)
        _merge(self._values, update)

    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        step_sync: bool | None = None,
        hidden: bool = False,
        summary: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        """Nothing."""

    def update(
        self, display_name: str | None = None, notes: str | None = None, tags: Sequence[str] | None = None
    ) -> None:
        """Nothing."""

    def output(self, stderr: bool, text: str) -> None:
        """Nothing."""

    def log_artifact(self, fields: Mapping[str, Any]) -> bool:
        """Nothing."""
        return True

    def event_files(self, folder: str, namespace: str, save: bool) -> None:
        """Do nothing."""

    def link(self, fields: Mapping[str, Any]) -> bool:
        """Nothing."""
        return True

    def save(self, files: Sequence[tuple[str, str]], policy: str) -> None:
        """Nothing."""

    def alert(self, title: str, text: str, level: str, wait_s: float) -> None:
        """Nothing."""

    def preempting(self) -> None:
        """Nothing."""

    def logs(self, text: str) -> None:
        """Nothing."""

    def opened(self, timeout_s: float) -> dict[str, Any] | None:
        """Nobody answers."""
        return None

    def info(self, timeout_s: float) -> dict[str, Any]:
        """Nothing is known."""
        return {}

    def fetch(self, timeout_s: float) -> dict[str, Any] | None:
        """Nobody to ask."""
        return None

    def values(self) -> dict[str, Any]:
        """The last values."""
        return dict(self._values)

    def flush(self, timeout_s: float) -> bool:
        """There is nothing to wait for."""
        return True

    def give_up(self) -> None:
        """Nothing is sent anyway."""

    def finish(
        self, exit_code: int, wait: str, timeout_s: float, tick: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Nothing."""
        return {"outcome": "delivered", "lost_rows": 0, "dropped_rows": 0, "run": {}}


def _merge(into: dict[str, Any], update: Mapping[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
