"""The measurements of checkpoints, tables and media: how long a call holds training, and how fast files arrive."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Backend, Trainer
from sides import Side, said_json

WORKER = Path(__file__).with_name("heavy_worker.py")
GIB = 1 << 30
MANY = 10_000
EACH = 10 << 10
LIMIT_S = 900
UPLOAD = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    files { name uploadUrl } } }
"""


class Heavy:
    """Heavy measurements of a bench."""

    def __init__(self, backend: Backend, quick: bool, note: Callable[[str, Side, float], None]) -> None:
        """Figures go to `note`."""
        self.backend = backend
        self.quick = quick
        self.note = note
        self.methods: set[str] = set()
        self._salt = 0

    def held(self, side: Side, what: str) -> None:
        """How long the calling thread is held by one image, histogram or table."""
        _, trainer = self._start(side, what)
        self.note(f"{what} held", side, said_json(trainer, "held", LIMIT_S)["ms"])
        said_json(trainer, "finished", LIMIT_S)
        trainer.succeeds(300)

    def checkpoint(self, side: Side) -> None:
        """One large file: the call, from the call to the commit, and the upload alone beside curl."""
        size = GIB // 8 if self.quick else GIB
        folder = self._folder("checkpoint", {"checkpoint.bin": size})
        run_id, said = self._logged(side, "checkpoint", folder)
        self.note("checkpoint held", side, said["ms"])
        self.note("checkpoint speed", side, size / said["committed"] / 1e6)
        (put,) = [one for one in self._uploads() if one["size"] == size][-1:]
        self.note("checkpoint upload", side, size / (put["ended"] - put["began"]) / 1e6)
        if side.module == "wandbd":
            self.note("curl", side, size / self._curl(run_id, folder / "checkpoint.bin") / 1e6)
        (folder / "checkpoint.bin").unlink()

    def files(self, side: Side) -> None:
        """Many small files: from the call to the commit."""
        count = MANY // 10 if self.quick else MANY
        folder = self._folder("files", {f"{number:05}.bin": EACH for number in range(count)})
        _, said = self._logged(side, "files", folder)
        self.note("files held", side, said["ms"])
        self.note("files speed", side, count / said["committed"])
        for file in folder.iterdir():
            file.unlink()

    def _start(self, side: Side, what: str, *folder: Path) -> tuple[str, Trainer]:
        run_id = side.new_id(what)
        return run_id, Trainer(side.home, WORKER, side.module, run_id, what, *folder)

    def _logged(self, side: Side, what: str, folder: Path) -> tuple[str, dict[str, Any]]:
        run_id, trainer = self._start(side, what, folder)
        how = said_json(trainer, "ready")["method"]
        if side.module == "wandbd":
            self.methods.add(how)
        trainer.say()
        said = said_json(trainer, "held", LIMIT_S)
        said_json(trainer, "finished", LIMIT_S)
        trainer.succeeds(300)
        return run_id, said

    def _folder(self, what: str, files: dict[str, int]) -> Path:
        """New content each time, so that no server has it already; written to disk before anything is measured."""
        self._salt += 1
        folder: Path = self.backend.home.work / f"{what}-{self._salt}"
        folder.mkdir()
        for name, size in files.items():
            block = os.urandom(min(size, 1 << 20))
            with (folder / name).open("wb") as file:
                for _ in range(size // len(block)):
                    file.write(block)
        os.sync()
        return folder

    def _uploads(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.backend.get("/api/uploads")
        return found

    def _curl(self, run_id: str, file: Path) -> float:
        """Upload the same file to the same server by curl and return the seconds that it took."""
        backend = self.backend
        run = backend.run(run_id)
        variables = {"entity": run["entity"], "project": run["project"], "run": run_id, "files": ["curl.bin"]}
        body = json.dumps({"query": UPLOAD, "variables": variables}).encode()
        request = urllib.request.Request(backend.url + "/graphql", body, {"Content-Type": "application/json"} | backend.authorization())
        with urllib.request.urlopen(request) as answer:
            url = json.load(answer)["data"]["createRunFiles"]["files"][0]["uploadUrl"]
        start = time.monotonic()
        subprocess.run(["curl", "--silent", "--fail", "--output", "/dev/null", "-T", str(file), url], check=True)
        return time.monotonic() - start
