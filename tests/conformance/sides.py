"""The two sides: all scripts through the real `wandb`, and all through `wandbd`, each with a home and a server of its own."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import record
from catalogue import SCRIPTS, Script
from harness import Backend, Chaos, Daemon, Home, Trainer, eventually
from harness.daemon import status
from harness.places import PYTHON

AT_ONCE = 4
"""Scripts that run at the same time; most of the time each waits for its server."""

LIMIT_S = float(os.environ.get("CONFORMANCE_LIMIT_S", 120))

IDLE_RUN = "idle"
IDLE = f"""
import wandbd

run = wandbd.init(project="idle", id="{IDLE_RUN}", settings=wandbd.Settings(console="off"))
run.log({{"x": 1}})
print("idle", flush=True)
input()
run.finish()
"""

OVER = ("delivered", "offline", "parked", "disabled")
"""States in which the daemon has nothing more to do for a run by itself."""


@dataclass
class Ended:
    """How a script ended."""

    code: int
    text: str
    said: Path
    work: Path


class Side:
    """One of the two modules."""

    def __init__(self, module: str, environment: dict[str, str] | None = None) -> None:
        """Start the server, and for `wandbd` a proxy that sees all and a daemon; `environment` is for the scripts."""
        self.extra = environment or {}
        self.module = module
        self.home = Home(
            {
                "WANDBD_AUTOSTART": "0",
                "WANDB_X_DISABLE_STATS": "true",
                "WANDB_INIT_TIMEOUT": "40",
                "COLUMNS": "120",
            }
        )
        self.backend = Backend(self.home)
        self.chaos: Chaos | None = None
        self.daemon: Daemon | None = None
        if module == "wandbd":
            self.chaos = self._proxy()
            self.daemon = Daemon(self.home)
        self.url = self.chaos.url if self.chaos else self.backend.url
        self.scripts = self.home.root / "scripts"
        shutil.copytree(SCRIPTS, self.scripts, ignore=shutil.ignore_patterns("__pycache__"))
        self.ended: dict[str, Ended] = {}

    def _proxy(self) -> Chaos:
        return Chaos(self.backend.url, kept=1 << 26)

    def run(self, script: Script) -> Ended:
        """Run one script to its end, in a working directory of its own."""
        work = self.home.work / script.name
        work.mkdir()
        said = self.home.root / f"{script.name}.said"
        environment = self.home.environment(self.backend.environment(self.url))
        environment |= {
            "CONFORMANCE_MODULE": self.module,
            "CONFORMANCE_SAID": str(said),
            "CONFORMANCE_KEY": self.backend.api_key,
            "WANDB_PROJECT": script.name,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment |= self.extra
        for name, value in script.own_environment(work).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        with subprocess.Popen(
            [PYTHON, "-W", "default", str(self.scripts / f"{script.name}.py")],
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                text, _ = process.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                text, _ = process.communicate()
                text += f"\n(killed after {LIMIT_S} s)".encode()
        ended = Ended(process.returncode, text.decode(errors="replace"), said, work)
        self.ended[script.name] = ended
        return ended

    def settle(self) -> None:
        """Wait until the daemon has nothing left to do."""
        if self.daemon is None:
            return

        def settled() -> bool:
            left = [f"{run['run_id']}: {run['state']} {run['cause']}" for run in status(self.home)["runs"] if run["state"] not in OVER]
            assert not left, left
            return True

        try:
            eventually(settled, 60, "the daemon has delivered everything", every_s=0.3)
        except AssertionError as error:
            # What is missing shows in the comparison, script by script; the reason is worth a line there.
            self.unsettled = str(error)

    unsettled = ""

    def runs(self, script: Script) -> dict[str, Any]:
        """Return how a script ended, what it told, and all its runs."""
        ended = self.ended[script.name]
        replaced = self.replaced(script)
        words, runs = read(self.backend, script, replaced)
        return {"exit": ended.code, "said": record.said(ended.said, words), "runs": runs}

    def replaced(self, script: Script) -> dict[str, str]:
        """Return the words that stand for what is this side's own."""
        return {
            str(self.ended[script.name].work): "<work>",
            str(self.home.root): "<home>",
            self.url: "<server>",
            self.backend.url: "<server>",
            self.backend.api_key: "<key>",
        }

    def close(self) -> None:
        """End everything."""
        if self.chaos is not None:
            self.chaos.close()
        self.home.close()


def read(backend: Backend, script: Script, replaced: dict[str, str]) -> tuple[record.Words, dict[str, Any]]:
    """Return the runs of a script on a server by their ids; random ids become `run 0`, `run 1`, ... in the order of their names."""
    shorts = [short for short in backend.runs() if short["project"] in script.projects]
    shorts.sort(key=lambda short: (short["displayName"] or "", short["createdAt"]))
    known: dict[str, str] = {}
    for short in shorts:
        name = short["name"]
        fixed = name.startswith(f"c{script.name[:2]}")
        known[name] = name if fixed else f"run {sum(word.startswith('run ') for word in known.values())}"
    words = record.Words(replaced | {name: word for name, word in known.items() if name != word})
    return words, {known[short["name"]]: record.run(backend, short, words) for short in shorts}


class Both:
    """The results of all scripts on both sides."""

    def __init__(self, scripts: list[Script]) -> None:
        """Run everything, a few at a time."""
        self.scripts = scripts
        self.complete = os.environ.get("CONFORMANCE_ONLY") is None
        self.theirs = Side("wandb")
        self.ours = Side("wandbd")
        self.offline = Side("wandb", {"WANDB_MODE": "offline"})
        idle = self._idle()
        jobs = [(side, script) for script in scripts for side in (self.theirs, self.ours)]
        jobs += [(self.offline, script) for script in scripts if not script.online]
        with ThreadPoolExecutor(int(os.environ.get("CONFORMANCE_AT_ONCE", AT_ONCE))) as pool:
            for _ in pool.map(lambda job: job[0].run(job[1]), jobs):
                pass
        self._wake(idle)
        self.ours.settle()

    def _idle(self) -> Trainer:
        """Start a run that says nothing while the scripts run: it has to show that it lives."""
        environment = self.ours.backend.environment(self.ours.url)
        idle = Trainer(self.ours.home, IDLE, env=environment)
        idle.said("idle")
        return idle

    def _wake(self, idle: Trainer) -> None:
        """End the idle run after at least two signs of life."""

        def alive() -> bool:
            return len(self.ours.backend.run(IDLE_RUN)["postTimes"]) >= 3

        if self.complete:
            eventually(alive, 90, "the idle run has given signs of life", every_s=1)
        idle.say()
        idle.succeeds()

    def close(self) -> None:
        """End all."""
        self.offline.close()
        self.theirs.close()
        self.ours.close()
