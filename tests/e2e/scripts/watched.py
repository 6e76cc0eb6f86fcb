"""A logging loop under watch: `watched.py ID`. Told what to do line by line on its standard input, it answers in JSON.

- `measure`: 20 rounds of 1,000 calls of nothing and 1,000 calls of `log`; answers `switches {"control": n, "log": n}` (voluntary
  context switches of the calling thread, all rounds together)
- `log N`: logs N rows of ten numbers as fast as it can; answers `logged {"rss": bytes, "calls": n, "dropped": n}`
- `trace`: 1,000 calls of `log` between two marks that a tracer can see; answers `traced {}`
- `finish`: answers `finished {"outcome": ...}`
"""

import json
import os
import sys
from pathlib import Path

import wandbd as wandb

ROUNDS = 20
CALLS = 1_000
ROW = {f"metric_{number}": number / 7 for number in range(10)}


def switches() -> int:
    """Return how often this thread has given up its processor by itself."""
    for line in Path("/proc/thread-self/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise RuntimeError("no count of context switches in /proc")


def nothing(row: dict[str, float]) -> None:
    """Be called."""


def resident() -> int:
    """Return the resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def answer(word: str, what: object) -> None:
    """Tell the test."""
    print(word, json.dumps(what), flush=True)


def main() -> None:
    """Do as told."""
    run = wandb.init(project="e2e", id=sys.argv[1], settings=wandb.Settings(console="off"))
    core = run._core
    calls = 0
    answer("ready", {})
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "measure":
            count = {"control": 0, "log": 0}
            for _ in range(ROUNDS):
                for name, call in (("control", nothing), ("log", run.log)):
                    before = switches()
                    for _ in range(CALLS):
                        call(ROW)
                    count[name] += switches() - before
            calls += ROUNDS * CALLS
            answer("switches", count)
        elif word == "log":
            for _ in range(int(number)):
                run.log(ROW)
            calls += int(number)
            answer("logged", {"rss": resident(), "calls": calls, "dropped": core.stats()["dropped_rows"]})
        elif word == "trace":
            os.access("/trace-begins", os.F_OK)
            for _ in range(CALLS):
                run.log(ROW)
            os.access("/trace-ends", os.F_OK)
            calls += CALLS
            answer("traced", {})
        elif word == "finish":
            run.finish()
            answer("finished", {"calls": calls})
            return


if __name__ == "__main__":
    main()
