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
answer: dict[str, Any] | None = None
login_answer: dict[str, Any] = {}
restored: dict[str, Any] = {}


def reset(staging_dir: str) -> None:
    global staging, fetched, answer
    for mutable in (calls, pending_messages, opened, attached, configured, info, result, login_answer, restored):
        mutable.clear()
    staging, fetched, answer = staging_dir, None, None


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
