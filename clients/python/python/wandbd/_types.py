"""What the parts of this package expect of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class LogCall(Protocol):
    """`run.log`."""

    def __call__(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Add `data` to the history row of `step`."""


class CoreRun(Protocol):
    """A run of the compiled core, or its stand-in in disabled mode. See `_core.pyi`."""

    @property
    def session(self) -> str: ...
    @property
    def owner(self) -> bool: ...
    @property
    def run_id(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def log(self) -> LogCall: ...
    def config(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None: ...
    def summary(self, update: Mapping[str, Any], remove: Sequence[Sequence[str]] = ()) -> None: ...
    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        step_sync: bool | None = None,
        hidden: bool = False,
        summary: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None: ...
    def update(
        self, display_name: str | None = None, notes: str | None = None, tags: Sequence[str] | None = None
    ) -> None: ...
    def output(self, stderr: bool, text: str) -> None: ...
    def log_artifact(
        self,
        name: str,
        type: str,
        description: str,
        metadata_json: str,
        aliases: Sequence[str],
        files: Sequence[tuple[str, str, bool]],
    ) -> None: ...
    def info(self, timeout_s: float) -> dict[str, Any]: ...
    def fetch(self, timeout_s: float) -> dict[str, Any] | None: ...
    def values(self) -> dict[str, Any]: ...
    def flush(self, timeout_s: float) -> bool: ...
    def finish(
        self, exit_code: int, wait: str, timeout_s: float, tick: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]: ...
