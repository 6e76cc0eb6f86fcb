"""The real W&B SDK, as the yardstick."""

import json
import subprocess
from pathlib import Path
from typing import Any

from harness.backend import Backend
from harness.home import Home
from harness.places import PYTHON, SCRIPTS
from harness.trainer import run as train

QUIET = {"WANDB_X_DISABLE_STATS": "true"}


def read_back(home: Home, backend: Backend, run_id: str) -> dict[str, Any]:
    """Return a run as `wandb.Api()` reads it."""
    short = backend.find(run_id)
    assert short is not None, f"the backend does not know {run_id}"
    path = f"{short['entity']}/{short['project']}/{run_id}"
    trainer = train(home, SCRIPTS / "read_back.py", path, env=backend.environment(), limit_s=120)
    found: dict[str, Any] = json.loads(trainer.said("read "))
    return found


def sync(home: Home, backend: Backend, *words: str | Path, limit_s: float = 120) -> str:
    """Run the real `wandb sync` to its successful end and return what it said."""
    done = subprocess.run(
        [PYTHON, "-m", "wandb", "sync", *map(str, words)],
        env=home.environment(backend.environment()),
        cwd=home.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
