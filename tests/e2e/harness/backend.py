"""The embedded W&B-compatible server as a process of its own, and what it says about its runs."""

import base64
import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from harness.home import Home
from harness.places import WANDBD
from harness.wait import eventually

Row = dict[str, Any]

DONE = ("finished", "failed", "crashed", "killed", "preempted")


class Backend:
    """`wandbd local`, and its inspection API."""

    def __init__(self, home: Home, data: Path | None = None) -> None:
        """Start it in `home`; it listens when this returns."""
        self.home = home
        self.data = data or home.root / "backend"
        self.log = home.root / "backend.log"
        self.process: subprocess.Popen[str] | None = None
        self._listen = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        """Start the server; after a stop it takes the same address again."""
        command = [str(WANDBD), "local", "--json", "--listen", self._listen, "--data", str(self.data)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.home.environment(), cwd="/", stdout=subprocess.PIPE, stderr=log, text=True)
        self.home.own(self.process)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the backend did not start: {self.log.read_text()}"
        said = json.loads(line)
        self.url: str = said["url"]
        self.api_key: str = said["api_key"]
        self.page: str = said["page"]
        self._listen = self.url.removeprefix("http://")

    def stop(self) -> None:
        """End the server; what it has stored stays."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def environment(self, url: str | None = None) -> dict[str, str]:
        """Return what a trainer has to set to log to this backend, through `url` if a proxy stands before it."""
        return {"WANDB_BASE_URL": url or self.url, "WANDB_API_KEY": self.api_key}

    def authorization(self) -> dict[str, str]:
        """Return the header that lets a request in."""
        token = base64.b64encode(f"api:{self.api_key}".encode()).decode()
        return {"Authorization": f"Basic {token}"}

    def get(self, path: str) -> Any:
        """Return the JSON answer of the inspection API."""
        request = urllib.request.Request(self.url + path, headers=self.authorization())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def download(self, url: str) -> bytes:
        """Return the content behind a signed address, which takes no other credentials."""
        with urllib.request.urlopen(url if "://" in url else self.url + url, timeout=30) as answer:
            return bytes(answer.read())

    def runs(self, project: str | None = None) -> list[dict[str, Any]]:
        """Return the short form of all runs, or those of one project."""
        runs: list[dict[str, Any]] = self.get("/api/runs")
        return [run for run in runs if project in (None, run["project"])]

    def find(self, run_id: str) -> dict[str, Any] | None:
        """Return the short form of a run by its id."""
        return next((run for run in self.runs() if run["name"] == run_id), None)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return all that is known of a run by its id."""
        short = self.find(run_id)
        assert short is not None, f"the backend does not know the run {run_id}"
        found: dict[str, Any] = self.get(self._path(short))
        found["config"] = {key: _value(entry) for key, entry in found["config"].items()}
        return found

    def _path(self, short: dict[str, Any]) -> str:
        return f"/api/runs/{short['entity']}/{short['project']}/{short['name']}"

    def _lines(self, run_id: str, kind: str) -> list[Any]:
        short = self.find(run_id)
        assert short is not None, f"the backend does not know the run {run_id}"
        lines: list[Any] = []
        while True:
            page = self.get(f"{self._path(short)}/{kind}?from={len(lines)}&limit=10000")
            lines.extend(page["lines"])
            if len(page["lines"]) < 10000:
                return lines

    def history(self, run_id: str) -> list[Row]:
        """Return all history rows in the order in which they lie there."""
        return [json.loads(line) for line in self._lines(run_id, "history")]

    def events(self, run_id: str) -> list[Row]:
        """Return all rows of system metrics."""
        return [json.loads(line) for line in self._lines(run_id, "events")]

    def console(self, run_id: str) -> str:
        """Return the text of the console."""
        return "\n".join(line["text"] for line in self._lines(run_id, "console"))

    def finished(self, run_id: str, limit_s: float = 60) -> dict[str, Any]:
        """Wait until the run is complete, then return all that is known of it."""

        def complete() -> dict[str, Any] | None:
            run = self.find(run_id)
            return run if run is not None and run["state"] in DONE else None

        eventually(complete, limit_s, f"run {run_id} is complete on the backend", every_s=0.1)
        return self.run(run_id)

    def known(self, run_id: str, limit_s: float = 30) -> dict[str, Any]:
        """Wait until the run exists on the backend."""
        return eventually(lambda: self.find(run_id), limit_s, f"the backend knows run {run_id}", every_s=0.05)

    def answers(self) -> bool:
        """Whether the server can be reached."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _value(entry: Any) -> Any:
    """Config goes over the wire with each top-level value in an object of its own."""
    return entry["value"] if isinstance(entry, dict) and set(entry) <= {"value", "desc"} and "value" in entry else entry
