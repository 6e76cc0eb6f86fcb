"""Never in the way: a daemon that is frozen or dead is not felt in the training loop."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Backend, Daemon, Home, Trainer, eventually
from harness.daemon import run_status
from harness.places import SCRIPTS

WATCHED = SCRIPTS / "watched.py"
MIB = 1 << 20
CALLS = 20_000  # of `measure`


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend) -> Home:
    """A home in which nobody starts a daemon but the test."""
    return make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})


def ask(trainer: Trainer, word: str, answer: str, limit_s: float = 90) -> dict[str, Any]:
    """Tell the script something and return its answer, which is the next one of that kind."""
    before = sum(line.startswith(answer) for line in trainer.lines)
    trainer.say(word)

    def found() -> str | None:
        answers = [line for line in trainer.lines if line.startswith(answer)]
        assert trainer.process.poll() is None or len(answers) > before, f"it ended:\n{trainer.text()}"
        return answers[before] if len(answers) > before else None

    said: dict[str, Any] = json.loads(eventually(found, limit_s, f"the answer {answer!r} to {word!r}").removeprefix(answer))
    return said


def make_frozen(daemon: Daemon) -> None:
    daemon.freeze()


def make_dead(daemon: Daemon) -> None:
    daemon.kill()


def leave_alone(daemon: Daemon) -> None:
    pass


@pytest.mark.parametrize("strike", [leave_alone, make_frozen, make_dead])
def test_the_calling_thread_does_not_give_up_its_processor_when_the_daemon_is(
    strike: Callable[[Daemon], None], home: Home, run_id: str
) -> None:
    # Given a run that logs
    daemon = Daemon(home)
    trainer = Trainer(home, WATCHED, run_id)
    trainer.said("ready")
    ask(trainer, "log 1000", "logged")

    # When the daemon is struck
    strike(daemon)
    count = ask(trainer, "measure", "switches")

    # Then 1,000 calls of log give up the processor hardly more often than 1,000 calls of nothing
    per_thousand = (count["log"] - count["control"]) / (CALLS / 1000)
    assert per_thousand <= 5, count
    trainer.kill()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("strike", [leave_alone, make_frozen, make_dead])
def test_the_calling_thread_makes_no_blocking_call_when_the_daemon_is(
    strike: Callable[[Daemon], None], home: Home, run_id: str, tmp_path: Path
) -> None:
    # Given a run that logs under strace
    daemon = Daemon(home)
    trace = tmp_path / "trace"
    trainer = Trainer(home, WATCHED, run_id, wrapper=("strace", "-f", "-qq", "-o", str(trace)))
    trainer.said("ready")
    strike(daemon)

    # When it logs 1,000 rows
    ask(trainer, "trace", "traced")
    traced = Path(f"/proc/{trainer.pid}/task/{trainer.pid}/children").read_text().split()
    os.kill(int(traced[0]), signal.SIGKILL)
    trainer.wait()

    # Then between the two marks its thread entered nothing that waits
    lines = trace.read_text(errors="replace").splitlines()
    begin = next(number for number, line in enumerate(lines) if "/trace-begins" in line)
    end = next(number for number, line in enumerate(lines) if "/trace-ends" in line)
    thread = lines[begin].split()[0]
    calls = [line.split(None, 1)[1] for line in lines[begin + 1 : end] if line.split()[0] == thread]
    waits = re.compile(
        r"(poll|ppoll|epoll_wait|epoll_pwait|select|pselect6|connect|recv\w*|read|send\w*|sendto|fsync|fdatasync|nanosleep|clock_nanosleep|wait4)\("
    )
    assert not [call for call in calls if waits.match(call)], calls
    # A lock that the sender holds for a swap may be met, rarely.
    assert sum("FUTEX_WAIT" in call for call in calls) <= 5, calls


def test_memory_is_bounded_by_the_window_and_what_did_not_fit_is_counted(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a window of 8 MiB and a frozen daemon
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0", "WANDBD_BUFFER_BYTES": str(8 * MIB)})
    daemon = Daemon(home)
    trainer = Trainer(home, WATCHED, run_id)
    trainer.said("ready")
    before = ask(trainer, "log 1000", "logged")
    daemon.freeze()

    # When far more is logged than fits
    after = ask(trainer, "log 400000", "logged")

    # Then memory grew by the window and little else, nothing was raised, rows were dropped and counted
    assert after["rss"] - before["rss"] <= 24 * MIB, f"grew by {(after['rss'] - before['rss']) / MIB:.0f} MiB"
    assert after["dropped"] > 0

    # And when the daemon lives again, all others arrive and the gap is visible
    daemon.thaw()
    ask(trainer, "finish", "finished")
    trainer.succeeds()
    run = backend.finished(run_id)
    entry = run_status(home, run_id)
    assert entry["rows_dropped"] == after["dropped"]
    assert run["historyLineCount"] + after["dropped"] == after["calls"]
    # One warning says so, not one per row.
    warnings = [line for line in trainer.errors if "drop" in line or "lost" in line]
    assert 1 <= len(warnings) <= 2, trainer.text()


@pytest.mark.parametrize("strike", [make_frozen, make_dead])
def test_finish_leaves_within_its_limit_and_the_rest_arrives_by_the_spill_when_the_daemon_is(
    strike: Callable[[Daemon], None], home: Home, backend: Backend, run_id: str
) -> None:
    # Given a daemon that is struck in the middle of a run
    daemon = Daemon(home)
    trainer = Trainer(home, WATCHED, run_id)
    trainer.said("ready")
    ask(trainer, "log 1000", "logged")
    strike(daemon)
    ask(trainer, "log 1000", "logged")

    # When the run finishes, then it ends with success and one line that says where the rest lies
    trainer.say("finish")
    trainer.succeeds(30)
    spilled = list((home.state / "spill").iterdir())
    assert spilled, trainer.text()
    said = [line for line in trainer.errors if "saved on this disk" in line]
    assert len(said) >= 1, trainer.text()

    # And the next daemon adopts it
    if strike is make_frozen:
        daemon.kill()
    daemon.start()
    run = backend.finished(run_id)
    assert run["historyLineCount"] == 2_000
    assert run["exitcode"] == 0
    steps = [row["_step"] for row in backend.history(run_id)]
    assert steps == list(range(2_000))
    eventually(lambda: not list((home.state / "spill").iterdir()), 20, "the spill is gone when it is journaled")


def test_a_frozen_daemon_is_mentioned_once(home: Home, run_id: str) -> None:
    # Given a trainer that its daemon knows, and then the daemon frozen
    daemon = Daemon(home)
    trainer = Trainer(home, WATCHED, run_id)
    trainer.said("ready")
    eventually(lambda: daemon.status()["sessions"] == 1, 20, "the daemon serves the trainer")
    daemon.freeze()
    before = len(trainer.errors)

    # When it logs a lot and finishes
    ask(trainer, "log 50000", "logged")
    ask(trainer, "log 50000", "logged")
    trainer.say("finish")
    trainer.succeeds(30)

    # Then one warning says that it does not answer
    said = [line for line in trainer.errors[before:] if "WARNING" in line]
    assert len(said) == 1, trainer.text()
    assert "did not answer" in said[0]


def test_a_run_without_any_daemon_trains_finishes_and_arrives_when_one_is_started(home: Home, backend: Backend, run_id: str) -> None:
    # Given no daemon at all, and nobody who may start one
    trainer = Trainer(home, WATCHED, run_id)
    trainer.said("ready")

    # When the run logs and finishes
    ask(trainer, "log 5000", "logged")
    trainer.say("finish")
    trainer.succeeds(30)

    # Then the first daemon that comes delivers it
    Daemon(home)
    run = backend.finished(run_id)
    assert run["historyLineCount"] == 5_000
    assert run["exitcode"] == 0
