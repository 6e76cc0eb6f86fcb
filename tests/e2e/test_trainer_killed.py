"""A training process that dies loses nothing that it handed over half a second before, and its run is closed."""

import time
from collections.abc import Callable

import pytest

from harness import Backend, Daemon, Home, Trainer, eventually
from harness.places import SCRIPTS

GRACE_S = 0.5
CLOSED_WITHIN_S = 10


@pytest.mark.parametrize("daemon_is", ["up", "killed_at_the_same_moment"])
def test_rows_older_than_half_a_second_arrive_and_the_run_is_closed_when_the_trainer_is_killed(
    daemon_is: str, make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a trainer that logs 1,000 rows a second
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = Trainer(home, SCRIPTS / "paced.py", run_id, 60_000, 60.0)
    trainer.said("acked 1")

    # When it is killed
    eventually(lambda: int((trainer.last("at ") or "0").split()[0]) > 1_500, 30, "some rows are logged")
    killed = time.monotonic()
    trainer.kill()
    if daemon_is != "up":
        daemon.kill()
        daemon.start()

    # Then its run is closed as failed within ten seconds
    run = backend.finished(run_id, CLOSED_WITHIN_S)
    assert run["exitcode"] == 1
    assert run["state"] == "failed"

    # And every row that was handed over half a second before is there, with no hole
    handed = [(int(number), float(at)) for number, at in (line[3:].split() for line in list(trainer.lines) if line.startswith("at "))]
    due = [number for number, at in handed if at <= killed - GRACE_S]
    numbers = [row["i"] for row in backend.history(run_id)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > due[-1], f"row {due[-1]} was handed over in time, but only {len(numbers)} arrived"


def test_a_run_whose_trainer_died_while_no_daemon_was_there_is_closed_by_the_next_one(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a daemon that is killed, and later its trainer
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = Trainer(home, SCRIPTS / "paced.py", run_id, 60_000, 60.0)
    eventually(lambda: int(trainer.last("acked ") or 0) > 500, 30, "some rows are acknowledged")
    acked = int(trainer.last("acked ") or 0)
    daemon.kill()
    eventually(lambda: int((trainer.last("at ") or "0").split()[0]) > acked + 500, 30, "it logs on without a daemon")
    trainer.kill()

    # When a daemon starts, then it sees that the owner is gone
    daemon.start()
    run = backend.finished(run_id, CLOSED_WITHIN_S)
    assert run["exitcode"] == 1
    numbers = [row["i"] for row in backend.history(run_id)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= acked


def test_a_trainer_that_outlives_two_daemons_keeps_its_one_run(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given a trainer whose daemon is killed twice
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = Trainer(home, SCRIPTS / "paced.py", run_id, 3_000, 3.0)
    for much in (500, 1500):
        eventually(lambda much=much: int(trainer.last("acked ") or 0) > much, 30, f"{much} rows are acknowledged")  # type: ignore[misc]
        daemon.kill()
        daemon.start()

    # Then the run goes on as if nothing had happened
    trainer.succeeds()
    run = backend.finished(run_id)
    assert run["exitcode"] == 0
    assert [row["i"] for row in backend.history(run_id)] == list(range(3_000))


@pytest.mark.parametrize(("ending", "code"), [("import sys; sys.exit(3)", 3), ("raise ValueError('boom')", 1), ("pass", 0)])
def test_a_script_that_ends_without_finish_closes_its_run_with_its_own_exit_code(
    ending: str, code: int, home: Home, backend: Backend, run_id: str
) -> None:
    # When a script ends in one of three ways
    script = f"""
        import wandbd as wandb
        wandb.init(project="e2e", id="{run_id}")
        wandb.log({{"i": 0}})
        {ending}
    """
    trainer = Trainer(home, script)
    assert trainer.wait() == code

    # Then the run says the same
    assert backend.finished(run_id)["exitcode"] == code
