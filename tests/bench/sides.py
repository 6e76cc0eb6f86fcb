"""The two sides of the bench: processes of wandbd and of `wandb`, and what they use."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from harness import Home, Trainer

WORKER = Path(__file__).with_name("worker.py")
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Side:
    """One of the two: its home, and what its processes use."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        """Make its home; wandbd's daemon is started as on any machine: by the first trainer."""
        self.module = module
        self.home = Home(environment | {"WANDB_SILENT": "true"})
        self._ids = 0

    def new_id(self, what: str) -> str:
        """Return a run id that was not used before."""
        self._ids += 1
        return f"{self.module}-{what}-{os.getpid()}-{self._ids}"

    def start(self, what: str, *numbers: int, env: dict[str, str] | None = None) -> tuple[str, Trainer]:
        """Start a worker; returns its run's id, too."""
        run_id = self.new_id(what)
        return run_id, Trainer(self.home, WORKER, self.module, run_id, what, *numbers, env=env)

    def helpers(self, *trainers: Trainer) -> list[int]:
        """Return the processes of this home that are no trainers."""
        return [pid for pid in self.home.processes() if pid not in [trainer.pid for trainer in trainers]]

    def cpu(self) -> float:
        """Return the processor seconds that all processes of this home have used so far, ended children included."""
        return sum(_cpu(pid) for pid in self.home.processes())


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICK


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def proportional(pid: int) -> int:
    """Return the memory of a process with shared pages counted in parts, so that many processes of one program add up rightly."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def said_json(trainer: Trainer, word: str, limit_s: float = 600) -> dict[str, Any]:
    """Return what a worker answered."""
    said: dict[str, Any] = json.loads(trainer.said(word, limit_s))
    return said


def say(line: str) -> None:
    """Show on the terminal what goes on; the table alone goes to standard output."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
