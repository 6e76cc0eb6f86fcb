"""One measured process: `worker.py MODULE ID WHAT [NUMBER]`. Answers in lines of JSON, and waits for `go` where the bench reads /proc.

- `life`: times of import, init, log of one row, finish
- `hot N`: N calls back to back; `paced N`: N calls at 1,000 a second
- `bulk N`: N rows as fast as it can, then finish
- `hold N`: N rows, then waits; used for memory and for kills
"""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

LOOPS = 2_000
ROW = {f"metric_{number}": 0.5 + number / 7 for number in range(10)}


def say(word: str, **what: Any) -> None:
    """Tell the bench."""
    print(word, json.dumps(what), flush=True)


def go() -> None:
    """Wait for the bench."""
    sys.stdin.readline()


def cpu() -> float:
    """Return the processor seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def quantile(sorted_: list[int], share: float) -> float:
    """Return a quantile in microseconds."""
    return sorted_[min(len(sorted_) - 1, int(len(sorted_) * share))] / 1000


def latencies(run: Any, calls: int, gap_ns: int) -> list[int]:
    """Call `log` and return how long each call took, in nanoseconds, sorted."""
    took = [0] * calls
    clock = time.perf_counter_ns
    log = run.log
    due = clock()
    for number in range(calls):
        if gap_ns:
            due += gap_ns
            wait = due - clock()
            if wait > 0:
                # The pace of the training; a spin would leave no processor to the helpers.
                time.sleep(wait / 1e9)
        row = {key: value + number for key, value in ROW.items()}
        start = clock()
        log(row)
        took[number] = clock() - start
    return sorted(took)


class Nothing:
    """A run that does nothing: what the loop itself costs."""

    def log(self, row: dict[str, float]) -> None:
        """Be called."""


def main() -> None:
    """Measure one thing."""
    module, run_id, what = sys.argv[1:4]
    number = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    start = time.perf_counter()
    wandb = importlib.import_module(module)
    imported = time.perf_counter() - start
    start = time.perf_counter()
    run = wandb.init(project="bench", id=run_id)
    initialised = time.perf_counter() - start
    if what == "life":
        for _ in range(100):
            run.log(ROW)
        start = time.perf_counter()
        run.finish()
        say("life", **{"import": imported, "init": initialised, "finish": time.perf_counter() - start})
        return
    loop = 0.0
    if what in ("hot", "paced"):
        before = cpu()
        latencies(Nothing(), LOOPS, 0 if what == "hot" else 1_000_000)
        loop = (cpu() - before) / LOOPS
    say("ready", loop=loop)
    go()
    if what in ("hot", "paced"):
        took = latencies(run, number, 0 if what == "hot" else 1_000_000)
        say("took", p50=quantile(took, 0.5), p99=quantile(took, 0.99), worst=took[-1] / 1000)
        go()
        run.finish()
        say("finished", rss=resident())
        go()
    elif what == "bulk":
        began = time.monotonic()
        for place in range(number):
            run.log({key: value + place for key, value in ROW.items()})
        logged = time.monotonic()
        run.finish()
        say("finished", began=began, logged=logged, left=time.monotonic(), rss=resident())
        go()
    elif what == "hold":
        for place in range(number):
            run.log({"i": place, "at": time.monotonic()})
            time.sleep(0.001)
        say("held")
        go()
        run.finish()


if __name__ == "__main__":
    main()
