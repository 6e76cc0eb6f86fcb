"""Scripts and workers that the tests of processes run, with a core that records."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "python"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import fake_core  # noqa: E402
import wandbd as wandb  # noqa: E402

if "wandbd._core" not in sys.modules:
    sys.modules["wandbd._core"] = fake_core
    fake_core.fetched = {"config_json": '{"batch_size": 32, "_wandb": {}}', "summary_json": "{}"}


class Recorder:
    """Writes each call of a worker's core to a file at once, for the parent to read after the worker's end."""

    def __init__(self, path: str) -> None:
        real = fake_core.Run.finish

        def finish(self: Any, exit_code: int, wait: str, timeout_s: float, tick: Any = None) -> dict[str, Any]:
            with open(path, "a") as file:
                file.write(json.dumps({"finish": self.run_id, "rows": self.rows, "owner": self.owner}) + "\n")
            return real(self, exit_code, wait, timeout_s, tick)

        fake_core.Run.finish = finish  # type: ignore[method-assign]


def worker(path: str, out: str) -> None:
    """Reads the config, logs a row, and ends without a word."""
    Recorder(path)
    wandb.log({"worker": 1})
    seen = {
        "batch_size": wandb.config.batch_size,
        "run": wandb.run.id if wandb.run else None,
        "owner": wandb.run.owner if wandb.run else None,
        "init": wandb.init(project="p", group="g", config={"more": 1}).id,
        "own": len(fake_core.opened),
        "other": wandb.init(id="other", mode="disabled").id,
    }
    Path(out).write_text(json.dumps(seen))


def pickled(run: Any, config: Any, out: str) -> None:
    """Gets the parent's objects as arguments."""
    Path(out).write_text(json.dumps({"run": run.id, "batch_size": config.batch_size, "same": wandb.run is run}))


def ask_before_init() -> None:
    """A script that starts a run of its own if there is none."""
    if wandb.run is None:
        wandb.init(project="own", settings={"silent": True})
    assert wandb.run is not None
    sys.stdout.write(f"{wandb.run.id} {len(fake_core.opened)} {len(fake_core.attached)}")


def touch_without_init() -> None:
    """A script that logs to whatever run there is."""
    wandb.log({"a": 1})
    sys.stdout.write(f"{fake_core.attached[0].session} {len(fake_core.opened)} {wandb.config.batch_size}")


def end(how: str) -> None:
    """A script that ends in one of several ways; at its very end the code that the run was given is printed."""
    real = fake_core.Run.finish

    def finish(self: Any, exit_code: int, *rest: Any) -> dict[str, Any]:
        os.write(1, f"code={exit_code}".encode())
        return real(self, exit_code, *rest)

    fake_core.Run.finish = finish  # type: ignore[method-assign]
    wandb.init(settings={"silent": True})
    if how == "error":
        raise ValueError("x")
    if how == "ctrl-c":
        raise KeyboardInterrupt
    if how.startswith("exit"):
        sys.exit(int(how[4:]))
    if how == "fork":
        child = os.fork()
        if child == 0:
            sys.exit(5)
        os.waitpid(child, 0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
