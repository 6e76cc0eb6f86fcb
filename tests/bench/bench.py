"""wandbd and the real `wandb` side by side on one backend, interleaved in one run; prints a table in Markdown.

    make bench                 everything (about ten minutes on two cores)
    bench.py --quick           fewer rounds and rows, to see that it works

Every figure is the median over the rounds. CPU and memory count the training process and all its helpers; the backend is not counted.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Backend, Chaos, Fault, Home, eventually
from harness.daemon import command
from harness.places import PYTHON
from harness.report import Table
from harness.wait import pause
from heavy import Heavy
from sides import Side, proportional, resident, said_json, say

MODULES = ("wandbd", "wandb")
MIB = 1 << 20


class Bench:
    """All measurements; each appends to `found[(what, module)]`."""

    def __init__(self, backend: Backend, quick: bool) -> None:
        """Remember the backend; a home for each side."""
        self.backend = backend
        self.quick = quick
        self.found: dict[tuple[str, str], list[float]] = {}
        self.sides = [Side(module, backend.environment()) for module in MODULES]
        self.heavy = Heavy(backend, quick, self.note)

    def note(self, what: str, side: Side, value: float) -> None:
        """Keep a figure."""
        self.found.setdefault((what, side.module), []).append(value)

    def get(self, what: str, module: str) -> float | None:
        """Return the median of a figure."""
        values = self.found.get((what, module))
        return statistics.median(values) if values else None

    def rounds(self, count: int, one: Callable[[Side], None], what: str) -> None:
        """Measure both sides in turns."""
        for number in range(1 if self.quick else count):
            for side in self.sides if number % 2 == 0 else self.sides[::-1]:
                say(f"{what}, round {number + 1}, {side.module}")
                one(side)

    def imports(self, side: Side) -> None:
        """Import in a fresh process, second time, so that files are in the page cache; without the interpreter's own start."""
        program = "import time; s = time.perf_counter(); import MODULE; print(time.perf_counter() - s)".replace("MODULE", side.module)
        for _ in range(2):
            done = subprocess.run(
                [PYTHON, "-c", program], env=side.home.environment(), cwd=side.home.work, capture_output=True, text=True, check=True
            )
        self.note("import", side, float(done.stdout) * 1000)

    def life(self, side: Side) -> None:
        """Init and finish on a backend that answers at once; the daemon runs, as it does from the second run on."""
        _, trainer = side.start("life")
        said = said_json(trainer, "life")
        self.note("init", side, said["init"] * 1000)
        self.note("finish", side, said["finish"] * 1000)
        trainer.succeeds(120)

    def slow_life(self, side: Side) -> None:
        """The same on a backend that takes half a second for each answer."""
        chaos = Chaos(self.backend.url)
        chaos.inject(Fault("delay", routes=("graphql", "file_stream", "upload", "other"), times=10**9, seconds=0.5))
        try:
            _, trainer = side.start("life", env=self.backend.environment(chaos.url))
            said = said_json(trainer, "life")
            self.note("init, slow backend", side, said["init"] * 1000)
            self.note("finish, slow backend", side, said["finish"] * 1000)
            trainer.succeeds(120)
        finally:
            chaos.close()

    def hot(self, side: Side) -> None:
        """Calls back to back."""
        self._latency(side, "hot", 20_000)

    def paced(self, side: Side) -> None:
        """Calls at 1,000 a second; CPU is that of all processes, less what the pacing loop uses without any `log`."""
        self._latency(side, "paced", 2_000 if self.quick else 10_000)

    def _latency(self, side: Side, what: str, calls: int) -> None:
        run_id, trainer = side.start(what, calls)
        loop = said_json(trainer, "ready")["loop"]
        before = side.cpu()
        trainer.say()
        said = said_json(trainer, "took")
        self.note(f"{what} p50", side, said["p50"])
        self.note(f"{what} p99", side, said["p99"])
        trainer.say()
        said_json(trainer, "finished")
        self.backend.finished(run_id, 300)
        self.note(f"{what} CPU", side, (side.cpu() - before - loop * calls) * 1000 / (calls / 1000))
        if what == "paced":
            self.note("trainer memory", side, resident(trainer.pid) / MIB)
            self.note("helper memory", side, sum(map(resident, side.helpers(trainer))) / MIB)
        self._none_dropped(run_id, calls)
        trainer.say()
        trainer.succeeds(120)

    def bulk(self, side: Side) -> None:
        """Many rows until the backend has all of them."""
        rows = 20_000 if self.quick else 200_000
        run_id, trainer = side.start("bulk", rows)
        trainer.said("ready")
        before = side.cpu()
        largest = 0
        trainer.say()

        def arrived() -> float | None:
            nonlocal largest
            largest = max(largest, sum(map(resident, side.helpers(trainer))))
            run = self.backend.find(run_id)
            return time.monotonic() if run is not None and run["historyLineCount"] == rows else None

        at = eventually(arrived, 1200, f"the backend has all {rows} rows", every_s=0.1)
        said = said_json(trainer, "finished", 600)
        self.backend.finished(run_id, 300)
        self.note("rows per second", side, rows / (at - said["began"]))
        self.note("bulk CPU", side, (side.cpu() - before) * 1000 / (rows / 1000))
        self.note("helper memory, bulk", side, largest / MIB)
        self._none_dropped(run_id, rows)
        times = self.backend.run(run_id)["postTimes"]
        self.note("most posts in a second", side, max(sum(start <= other < start + 1 for other in times) for start in times))
        trainer.say()
        trainer.succeeds(120)

    def _none_dropped(self, run_id: str, rows: int) -> None:
        count = self.backend.run(run_id)["historyLineCount"]
        if count != rows:
            raise SystemExit(f"{run_id}: {count} of {rows} rows arrived; a bench that loses rows measures nothing")

    def idle(self, side: Side) -> None:
        """The daemon with nothing to do."""
        if side.module == "wandbd":
            _, trainer = side.start("life")
            trainer.succeeds(120)
            (pid,) = side.home.daemons()
            self.note("daemon idle", side, resident(pid) / MIB)

    def eight(self, side: Side) -> None:
        """Eight processes with a run each."""
        self._eight(side, "eight", {})

    def eight_shared(self, side: Side) -> None:
        """Their detached shared core."""
        if side.module != "wandb":
            return
        program = [PYTHON, "-m", "wandb", "beta", "core"]
        env = side.home.environment()
        started = subprocess.run([*program, "start"], env=env, cwd=side.home.work, capture_output=True, text=True, check=True)
        service = {"WANDB_SERVICE": started.stdout.strip()}
        try:
            self._eight(side, "eight, shared", service)
        finally:
            subprocess.run([*program, "stop"], env=env | service, cwd=side.home.work, capture_output=True, check=False)

    def _eight(self, side: Side, what: str, env: dict[str, str]) -> None:
        workers = [side.start("hold", 1_000, env=env)[1] for _ in range(8)]
        for trainer in workers:
            trainer.said("ready")
            trainer.say()
        for trainer in workers:
            trainer.said("held", 120)
        helpers = side.helpers(*workers)
        self.note(f"helpers of {what}", side, len(helpers))
        self.note(f"memory of {what}", side, sum(map(proportional, helpers)) / MIB)
        for trainer in workers:
            trainer.say()
        for trainer in workers:
            trainer.succeeds(300)

    def stopped(self, side: Side) -> None:
        """The longest call of `log` while the helper does not answer, for five seconds or 20,000 calls."""
        _, trainer = side.start("hot", 20_000)
        trainer.said("ready")
        helpers = side.helpers(trainer)
        for pid in helpers:
            os.kill(pid, signal.SIGSTOP)
        trainer.say()
        with contextlib.suppress(AssertionError):
            trainer.said("took", 5)
        for pid in helpers:
            os.kill(pid, signal.SIGCONT)
        self.note("longest pause", side, said_json(trainer, "took")["worst"] / 1000)
        trainer.say()
        said_json(trainer, "finished", 300)
        trainer.say()
        trainer.succeeds(120)

    def killed(self, side: Side) -> None:
        """How far before a kill of the trainer the first lost row lies."""
        run_id, trainer = side.start("hold", 60_000)
        trainer.said("ready")
        trainer.say()
        pause(4.0)
        at = time.monotonic()
        trainer.kill()
        with contextlib.suppress(AssertionError):
            self.backend.finished(run_id, 20)
        rows = self.backend.history(run_id)
        last = rows[-1]["at"] if rows else at - 4.0
        self.note("lost in a kill", side, (at - last) * 1000)

    def image(self, side: Side) -> None:
        """A picture of 1024 x 1024 x 3 bytes, as an array."""
        self.heavy.held(side, "image")

    def histogram(self, side: Side) -> None:
        """A histogram of a million doubles."""
        self.heavy.held(side, "histogram")

    def table(self, side: Side) -> None:
        """A table of 10,000 rows and 10 columns."""
        self.heavy.held(side, "table")

    def checkpoint(self, side: Side) -> None:
        """A checkpoint of 1 GiB."""
        self.heavy.checkpoint(side)

    def files(self, side: Side) -> None:
        """An artifact of 10,000 files of 10 KiB."""
        self.heavy.files(side)

    def close(self) -> None:
        """End everything."""
        for side in self.sides:
            if side.module == "wandbd":
                command(side.home, "stop")
            side.home.close()


def table(bench: Bench) -> str:
    """Return the table, with the goals."""
    out = Table(bench.get)
    out.row("`log()` of 10 floats, 1,000 rows/s, p50", "paced p50", "µs", "at least 100 times lower", factor=100)
    out.row("same, p99", "paced p99", "µs")
    out.row("`log()` of 10 floats, back to back, p50", "hot p50", "µs", "at least 50 times lower", factor=50)
    out.row("same, p99", "hot p99", "µs")
    out.row("`import`", "import", "ms", "at least 20 times lower", factor=20)
    out.row("`init()`", "init", "ms", "at least 10 times lower", factor=10)
    out.row("`finish()`, fast backend", "finish", "ms", "no higher", factor=1)
    out.row("`init()`, backend answers in 500 ms", "init, slow backend", "ms")
    out.row("`finish()`, backend answers in 500 ms", "finish, slow backend", "ms", "at least 10 times lower", factor=10)
    out.row("200,000 rows until the backend has all", "rows per second", "rows/s", "at least 8 times faster", factor=8, more=True)
    out.row("CPU per 1,000 rows, paced (trainer + helpers)", "paced CPU", "ms")
    out.row("CPU per 1,000 rows, 200,000 rows (trainer + helpers)", "bulk CPU", "ms", "at least 10 times lower", factor=10)
    out.row("most posts within a second", "most posts in a second", "", "at most 2", most=2)
    out.row("resident memory, trainer", "trainer memory", "MiB")
    out.row("resident memory, helpers, one run", "helper memory", "MiB")
    out.row("resident memory, helpers, while 200,000 rows pass", "helper memory, bulk", "MiB", "daemon under 60 MB", most=57.2)
    out.row("resident memory, daemon idle", "daemon idle", "MiB", "under 25 MB", most=23.8)
    out.row("8 processes with a run each: helpers", "helpers of eight", "")
    out.row("their memory together (shared pages counted once)", "memory of eight", "MiB", "at least 10 times lower", factor=10)
    ours, shared = bench.get("memory of eight", "wandbd"), bench.get("memory of eight, shared", "wandb")
    out.pair("same against `wandb beta core start`", ours, shared, "MiB", "at least 2 times lower", factor=2)
    out.row("longest pause of `log()` with the helper stopped (reported)", "longest pause", "ms")
    out.row("first row lost in a kill -9 of the trainer: age (reported)", "lost in a kill", "ms")
    _heavy(bench, out)
    return out.text()


def _heavy(bench: Bench, out: Table) -> None:
    out.row("`log()` of an image 1024×1024×3: calling thread held", "image held", "ms", "at least 10 times lower", factor=10)
    out.row("`log()` of a histogram of 1 M values: same", "histogram held", "ms", "at least 3 times lower", factor=3)
    out.row("`log()` of a table of 10,000 × 10: same", "table held", "ms", "at least 10 times lower", factor=10)
    how = ", ".join(sorted(bench.heavy.methods)) or "not measured"
    # Where only a copy is possible, both sides copy.
    factor = 3 if bench.heavy.methods & {"copied", "not_kept"} else 10
    goal = f"at least {factor} times lower"
    out.row(f"`log_artifact()` of a checkpoint of 1 GiB: same ({how})", "checkpoint held", "ms", goal, factor=factor)
    out.row("its speed from the call to the commit", "checkpoint speed", "MB/s", "at least 1.3 times faster", factor=1.3, more=True)
    ours, curl = bench.get("checkpoint upload", "wandbd"), bench.get("curl", "wandbd")
    out.pair("its upload alone, wandbd and `curl -T`", ours, curl, "MB/s", "at least 0.8 times", factor=0.8, more=True)
    out.row("10,000 files of 10 KiB, from the call to the commit", "files speed", "files/s", "at least 2 times faster", factor=2, more=True)


@contextlib.contextmanager
def benched(quick: bool) -> Iterator[Bench]:
    """A bench with its backend."""
    home = Home()
    backend = Backend(home)
    bench = Bench(backend, quick)
    try:
        yield bench
    finally:
        bench.close()
        backend.stop()
        home.close()


def main() -> int:
    """Measure, print the table, and tell by the exit status whether all goals were reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="comma list of measurements")
    options = parser.parse_args()
    plan: dict[str, int] = {
        "imports": 5,
        "idle": 1,
        "life": 7,
        "slow_life": 3,
        "hot": 5,
        "paced": 3,
        "bulk": 2,
        "eight": 1,
        "eight_shared": 1,
        "stopped": 1,
        "killed": 3,
        "image": 3,
        "histogram": 3,
        "table": 3,
        "checkpoint": 2,
        "files": 2,
    }
    # Killed from outside, it still ends the processes that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [name for name in options.only.split(",") if name] or list(plan)
    with benched(options.quick) as bench:
        # The first run of each side warms up the files and, for wandbd, starts the daemon.
        for side in bench.sides:
            _, trainer = side.start("life")
            trainer.succeeds(120)
        for name in wanted:
            bench.rounds(plan[name], getattr(bench, name), name)
        print(table(bench))
    return 0


if __name__ == "__main__":
    sys.exit(main())
