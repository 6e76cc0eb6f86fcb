"""A core that records what it is told. It has the names and arguments of `wandbd._core`."""

from __future__ import annotations

import json
import os
from typing import Any

__version__ = "0.0.fake"

calls: list[tuple[Any, ...]] = []
configured: dict[str, Any] = {}
pending_messages: list[str] = []
opened: list[Run] = []
attached: list[Run] = []
staging = ""
info: dict[str, Any] = {}
fetched: dict[str, Any] | None = None
result: dict[str, Any] = {}


def reset(staging_dir: str) -> None:
    global staging, fetched
    for mutable in (calls, pending_messages, opened, attached, configured, info, result):
        mutable.clear()
    staging, fetched = staging_dir, None


def configure(*, daemon: str | None = None, convert: Any = None) -> None:
    configured.update(daemon=daemon, convert=convert)


def paths() -> dict[str, str]:
    return {"state": os.path.dirname(staging), "socket": "", "staging": staging}


def messages() -> list[str]:
    lines = list(pending_messages)
    pending_messages.clear()
    return lines


class Run:
    def __init__(self, session: str, run_id: str, fields: dict[str, Any]) -> None:
        self.session = session
        self.run_id = run_id
        self.fields = fields
        self.step = 0
        self.stopped = False
        self.rows: list[dict[str, Any]] = []
        self._pid = os.getpid() if fields else -1

    @property
    def owner(self) -> bool:
        return os.getpid() == self._pid

    @staticmethod
    def open(fields: dict[str, Any]) -> Run:
        run = Run(f"session-{len(opened)}", fields["run_id"], fields)
        opened.append(run)
        return run

    @staticmethod
    def attach(session: str, run_id: str) -> Run:
        run = Run(session, run_id, {})
        attached.append(run)
        return run

    def log(self, data: Any, step: Any = None, commit: Any = None, sync: Any = None) -> None:
        self.rows.append(dict(data))
        self.step += 1

    def config(self, update: Any, remove: Any = ()) -> None:
        calls.append(("config", dict(update), list(remove)))

    def summary(self, update: Any, remove: Any = ()) -> None:
        calls.append(("summary", dict(update), [list(path) for path in remove]))

    def define_metric(self, name: str, **more: Any) -> None:
        calls.append(("define_metric", name, more))

    def update(self, **more: Any) -> None:
        calls.append(("update", more))

    def output(self, stderr: bool, text: str) -> None:
        calls.append(("output", stderr, text))

    def log_artifact(self, *arguments: Any) -> None:
        calls.append(("log_artifact", *arguments))

    def info(self, timeout_s: float) -> dict[str, Any]:
        calls.append(("info", timeout_s))
        return dict(info)

    def fetch(self, timeout_s: float) -> dict[str, Any] | None:
        calls.append(("fetch", timeout_s))
        return fetched

    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for row in self.rows:
            values.update(row)
        return values

    def flush(self, timeout_s: float) -> bool:
        return True

    def finish(self, exit_code: int, wait: str, timeout_s: float, tick: Any = None) -> dict[str, Any]:
        calls.append(("finish", self.run_id, exit_code, wait, timeout_s))
        if tick is not None:
            tick(dict(info))
        return {"outcome": "acked", "lost_rows": 0, "dropped_rows": 0, "run": dict(info), **result}


def named(name: str) -> list[tuple[Any, ...]]:
    """The recorded calls of one method, without its name."""
    return [call[1:] for call in calls if call[0] == name]


def dump() -> str:
    """What a child process saw, for its parent."""
    return json.dumps({"calls": calls, "attached": [run.session for run in attached], "opened": len(opened)})
