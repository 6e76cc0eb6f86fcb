"""A core that records what it is told. It has the names and arguments of `wandbd._core`."""

from __future__ import annotations

import json
import os
import shutil
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
answer: dict[str, Any] | None = None
login_answer: dict[str, Any] = {}
restored: dict[str, Any] = {}
stage_answer: dict[str, Any] = {}
artifacts: list[dict[str, Any]] = []
"""Answers to `get_artifact`, in order; the last one again and again."""
downloaded: dict[str, Any] = {}
full = False
"""Whether there is no room for media."""


def reset(staging_dir: str) -> None:
    global staging, fetched, answer, full
    lists: tuple[Any, ...] = (calls, pending_messages, opened, attached, artifacts)
    dicts = (configured, info, result, login_answer, restored, stage_answer, downloaded)
    for mutable in (*lists, *dicts):
        mutable.clear()
    staging, fetched, answer, full = staging_dir, None, None, False


def configure(*, daemon: str | None = None, convert: Any = None, interrupt_on_stop: bool = False) -> None:
    configured.update(daemon=daemon, convert=convert, interrupt_on_stop=interrupt_on_stop)


def login(server: dict[str, Any], verify: bool, send: bool, timeout_s: float) -> dict[str, Any]:
    calls.append(("login", dict(server), verify, send, timeout_s))
    return {
        "verdict": "VALID" if verify and server["base_url"] else "UNKNOWN",
        "message": "", "entity": "", "username": "", "sent": [], "older": [], **login_answer,
    }  # fmt: skip


def restore(server: Any, session: str, run_path: str, name: str, target: str, timeout_s: float) -> dict[str, Any]:
    calls.append(("restore", server, session, run_path, name, target))
    if restored.get("found"):
        with open(target, "w") as file:
            file.write(restored["text"])
    return {"found": False, "message": "", **restored}


def random_id() -> str:
    return "".join("0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36] for byte in os.urandom(128))


def stage(files: list[tuple[str, str]], timeout_s: float) -> dict[str, Any]:
    calls.append(("stage", list(files)))
    if not stage_answer:
        for source, target in files:
            shutil.copyfile(source, target)
    return {"kept": ["LEASED"] * len(files), "full": "", **stage_answer}


def get_artifact(fields: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    calls.append(("get_artifact", dict(fields)))
    answer = artifacts.pop(0) if len(artifacts) > 1 else artifacts[0] if artifacts else {}
    return {"verdict": "UNREACHABLE", "message": "no server", "artifact": None, **answer}


def download_artifact(fields: dict[str, Any], tick: Any) -> dict[str, Any]:
    calls.append(("download_artifact", dict(fields)))
    tick({"bytes": 1, "bytes_total": 2})
    for path, text in downloaded.get("files", {}).items():
        if not fields["path"] or path in fields["path"]:
            target = os.path.join(fields["root"], path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w") as file:
                file.write(text)
    return {"done": True, "error": "", "reference": [], **downloaded}


def change_artifact(fields: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    calls.append(("change_artifact", dict(fields)))
    return {"verdict": "FOUND", "message": "", "artifact": {}}


class Snapshot(bytes):
    def __new__(cls, data: Any) -> Snapshot:
        return super().__new__(cls, memoryview(data).tobytes())


class Template:
    def __init__(self, text: str, key: str | None = None) -> None:
        self.text = text
        self.key = key

    @property
    def value(self) -> Any:
        return json.loads(self.text)


_PLAIN = (str, float, int, bool, type(None))


def _bit(value: Any) -> int:
    kind = type(value)
    if kind in _PLAIN:
        nan = kind is float and value != value
        return 1 if value is None or nan else {float: 2, int: 2, str: 4, bool: 8}[kind]
    if isinstance(value, (int, str)):  # its own class
        return 32
    if kind.__name__ in ("date", "datetime"):
        return 16
    if kind.__module__ == "numpy":
        return {"i": 2, "u": 2, "f": 2, "b": 8, "M": 16}.get(value.dtype.kind, 32) if value.ndim == 0 else 32
    return 32


def scan_columns(rows: list[list[Any]]) -> list[int]:
    bits = [0] * len(rows[0]) if rows else []
    for number, row in enumerate(rows):
        if len(row) != len(bits):
            raise ValueError(f"row {number} has {len(row)} cells")
        for at, value in enumerate(row):
            bits[at] |= _bit(value)
    return bits


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

    def log_artifact(self, fields: Any) -> bool:
        calls.append(("log_artifact", dict(fields)))
        return True

    def media(self, fields: Any) -> bool:
        calls.append(("media", dict(fields)))
        return not full

    def table_rows(self, table: str, first_row: int, rows: Any, other: Any = None) -> bool:
        cells = [[value if _bit(value) != 32 else other(value) for value in row] for row in rows]
        calls.append(("table_rows", table, first_row, cells))
        return not full

    def event_files(self, folder: str, namespace: str, save: bool) -> None:
        calls.append(("event_files", folder, namespace, save))

    def link(self, fields: Any) -> bool:
        calls.append(("link", dict(fields)))
        return True

    def save(self, files: Any, policy: str) -> None:
        calls.append(("save", list(files), policy))

    def alert(self, *arguments: Any) -> None:
        calls.append(("alert", *arguments))

    def preempting(self) -> None:
        calls.append(("preempting",))

    def logs(self, text: str) -> None:
        calls.append(("logs", text))

    def opened(self, timeout_s: float) -> dict[str, Any] | None:
        calls.append(("opened", timeout_s))
        return answer

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

    def give_up(self) -> None:
        calls.append(("give_up", self.run_id))

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
