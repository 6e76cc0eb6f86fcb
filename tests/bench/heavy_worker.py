"""One measured process of the heavy kinds: `heavy_worker.py MODULE ID WHAT [FOLDER]`. Answers in lines of JSON.

- `image`, `histogram`, `table`: how long the calling thread is held for one, several times, after a first one that warms up
- `checkpoint FOLDER`: how long the calling thread is held for the file `FOLDER/checkpoint.bin`, and how long until it is committed
- `files FOLDER`: the same for all files of the folder
"""

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

TIMES = 7


def say(word: str, **what: Any) -> None:
    """Tell the bench."""
    print(word, json.dumps(what), flush=True)


def held(run: Any, make: Callable[[int], Any]) -> float:
    """Return the median time in milliseconds that `run.log` of what `make` makes holds the calling thread; the making counts."""
    took = []
    for number in range(TIMES + 1):
        start = time.perf_counter()
        run.log({"it": make(number)})
        took.append((time.perf_counter() - start) * 1000)
        # Training goes on between two pictures; a burst would measure the helpers' queue.
        time.sleep(0.3)
    return statistics.median(took[1:])


def method(module: str, path: str) -> str:
    """Return how the daemon keeps a file of this file system."""
    if module != "wandbd":
        return "copied"
    import wandbd._core as core

    probe = path + ".probe"
    with open(probe, "wb") as file:
        file.write(b"x" * (1 << 20))
    target = os.path.join(core.paths()["staging"], f"{os.getpid()}-{os.urandom(8).hex()}")
    os.mkdir(target, 0o700)
    kept: str = core.stage([(probe, os.path.join(target, "probe"))], 5.0)["kept"][0]
    return kept.lower()


def main() -> None:
    """Measure one thing."""
    module, run_id, what = sys.argv[1:4]
    wandb = importlib.import_module(module)
    run = wandb.init(project="bench", id=run_id)
    random = np.random.default_rng(0)
    if what == "image":
        images = [random.integers(0, 255, (1024, 1024, 3), dtype=np.uint8) for _ in range(TIMES + 1)]
        say("held", ms=held(run, lambda number: wandb.Image(images[number])))
    elif what == "histogram":
        values = [random.normal(size=1_000_000) for _ in range(TIMES + 1)]
        say("held", ms=held(run, lambda number: wandb.Histogram(values[number])))
    elif what == "table":
        columns = [f"column_{number}" for number in range(10)]
        rows = [[place + 0.5, place, f"row {place}", True, None, place * 2.5, "same", place % 7, -1.5, "end"] for place in range(10_000)]
        say("held", ms=held(run, lambda _: wandb.Table(columns=columns, data=rows)))
    else:
        folder = sys.argv[4]
        say("ready", method=method(module, folder))
        sys.stdin.readline()
        artifact = wandb.Artifact(f"bench-{what}-{run_id}", type="model")
        start = time.perf_counter()
        if what == "checkpoint":
            artifact.add_file(os.path.join(folder, "checkpoint.bin"))
        else:
            artifact.add_dir(folder)
        logged = run.log_artifact(artifact)
        call = time.perf_counter() - start
        logged.wait()
        say("held", ms=call * 1000, committed=time.perf_counter() - start)
    run.finish()
    say("finished")


if __name__ == "__main__":
    main()
