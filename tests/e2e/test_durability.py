"""Never lost: what was acknowledged is on disk, and what is on disk reaches the server once and in order."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import SEEDS
from harness import Backend, Daemon, Home, Trainer, eventually
from harness.daemon import command
from harness.places import SCRIPTS
from harness.seeds import through
from harness.wait import pause

ROWS = 20_000
SECONDS = 4.0
PACED: Path = SCRIPTS / "paced.py"


def holds_rows(backend: Backend, run_id: str, expected: int) -> None:
    """The backend has the rows 0..expected, once each, in order, each whole."""
    rows = backend.history(run_id)
    numbers = [row["i"] for row in rows]
    assert numbers == list(range(expected)), f"{len(numbers)} rows, expected {expected}: {_first_difference(numbers)}"
    for number, row in enumerate(rows):
        assert row["_step"] == number, f"row {number} has step {row['_step']}"
        assert row["name"] == f"row {number}", f"row {number} is not whole: {row}"


def _first_difference(numbers: list[int]) -> str:
    for place, number in enumerate(numbers):
        if number != place:
            return f"at place {place} lies {numbers[place : place + 5]}"
    return "the end is missing"


def kill_daemons(home: Home) -> int:
    """`kill -9` for the daemon that holds this home's lock; how many there were."""
    pids = home.daemons()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


@pytest.mark.timeout(0 if SEEDS > 20 else 600)
def test_20000_rows_arrive_once_and_in_order_although_the_daemon_is_killed_again_and_again(
    make_home: Callable[..., Home], backend: Backend
) -> None:
    def check(seed: int) -> None:
        # Given a daemon, started by the test or, at odd seeds, by the trainer itself, again and again
        random_ = random.Random(seed)
        moments = sorted(random_.uniform(0.1, SECONDS) for _ in range(random_.randint(1, 5)))
        by_trainer = seed % 2 == 1
        home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "1" if by_trainer else "0"})
        run_id = f"dur-a-{seed:04d}"
        daemon = None if by_trainer else Daemon(home)
        trainer = Trainer(home, PACED, run_id, ROWS, SECONDS)
        trainer.said("logging")

        # When it is killed at random moments
        passed = 0.0
        for moment in moments:
            pause(moment - passed)
            passed = moment
            if daemon is None:
                kill_daemons(home)
            else:
                daemon.kill()
                daemon.start()

        # Then the trainer notices nothing, and everything arrives
        trainer.succeeds(90)
        if daemon is None:
            assert command(home, "start").returncode == 0
        run = backend.finished(run_id, 90)
        holds_rows(backend, run_id, ROWS)
        assert run["exitcode"] == 0, run["exitcode"]
        assert run["state"] == "finished", run["state"]
        assert run["summary"]["i"] == ROWS - 1
        assert run["summary"]["verdict"] == "good"
        assert run["config"]["nested"] == {"seed": 7}
        assert not run["violations"], run["violations"]
        home.close()

    through(SEEDS, check)


@pytest.mark.timeout(0 if SEEDS > 20 else 600)
def test_rows_up_to_the_last_ack_arrive_without_a_hole_when_trainer_and_daemon_are_killed_together(
    make_home: Callable[..., Home], backend: Backend
) -> None:
    def check(seed: int) -> None:
        # Given a run in the middle of its logging
        random_ = random.Random(seed)
        home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
        run_id = f"dur-b-{seed:04d}"
        daemon = Daemon(home)
        trainer = Trainer(home, PACED, run_id, ROWS, SECONDS)
        trainer.said("logging")
        eventually(lambda: int(trainer.last("acked ") or 0) > 0, 20, "the first row is acknowledged")
        pause(random_.uniform(0.0, SECONDS / 2))

        # When both are killed, in either order
        victims = [daemon.kill, trainer.kill]
        random_.shuffle(victims)
        for kill in victims:
            kill()
            pause(random_.choice([0.0, 0.0, 0.02]))
        acked = int(trainer.last("acked ") or 0)

        # Then the next daemon delivers an exact beginning of the run that reaches at least to the last ack
        daemon.start()
        run = backend.finished(run_id, 60)
        delivered = run["historyLineCount"]
        assert delivered >= acked, f"acked {acked}, delivered only {delivered}"
        holds_rows(backend, run_id, delivered)
        assert run["exitcode"] == 1, run["exitcode"]
        assert run["config"]["rows"] == ROWS
        home.close()

    through(SEEDS, check)
