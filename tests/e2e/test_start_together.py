"""One daemon per machine, whoever starts it and how many at once."""

import os
import signal
from collections.abc import Callable

from harness import Backend, Daemon, Home, Trainer, eventually
from harness.daemon import accepts, command, status
from harness.places import WANDBD

TRAINERS = 40

SCRIPT = """
    import sys
    import wandbd as wandb
    run = wandb.init(project="e2e", id=sys.argv[1], settings=wandb.Settings(console="off"))
    for i in range(10):
        run.log({"i": i})
    run.finish()
"""


def test_forty_trainers_that_start_at_once_end_up_with_one_daemon(home: Home, backend: Backend, run_id: str) -> None:
    # When forty trainers start at once and no daemon runs
    trainers = [Trainer(home, SCRIPT, f"{run_id}-{number:02d}") for number in range(TRAINERS)]
    for trainer in trainers:
        trainer.succeeds(120)

    # Then one daemon holds the lock, and no other process of ours is left
    assert len(home.daemons()) == 1
    running = [pid for pid in home.processes() if os.path.exists(f"/proc/{pid}/exe") and os.readlink(f"/proc/{pid}/exe") == str(WANDBD)]
    eventually(lambda: home.processes() == home.daemons(), 20, f"nothing else is left running (was: {running})")

    # And all forty runs arrive, each whole
    for number in range(TRAINERS):
        run = backend.finished(f"{run_id}-{number:02d}", 90)
        assert run["exitcode"] == 0
        assert [row["i"] for row in backend.history(f"{run_id}-{number:02d}")] == list(range(10))


def test_a_second_daemon_leaves_the_first_alone(home: Home) -> None:
    # Given a daemon
    first = Daemon(home)

    # When another one is to serve the same home
    second = command(home, "serve")

    # Then it refuses with a clear word, and the first one works on
    assert second.returncode != 0
    assert "already" in second.stderr or "another" in second.stderr, second.stderr
    assert status(home)["pid"] == first.pid


def test_start_is_content_when_a_daemon_runs_already_and_stop_ends_it(home: Home) -> None:
    # When a daemon is started twice
    assert command(home, "start").returncode == 0
    pid = status(home)["pid"]
    assert command(home, "start").returncode == 0

    # Then it is still the first one
    assert status(home)["pid"] == pid
    assert home.daemons() == [pid]

    # And it stops when told to
    assert command(home, "stop").returncode == 0
    eventually(lambda: not home.processes(), 15, "the daemon is gone")
    assert command(home, "status").returncode != 0


def test_a_stale_socket_and_a_stale_lock_are_no_obstacle(home: Home) -> None:
    # Given what a killed daemon leaves behind
    daemon = Daemon(home)
    daemon.kill()
    assert home.socket is not None
    assert not accepts(home)

    # When the next one starts, then it serves
    daemon.start()
    assert accepts(home)


def test_two_homes_share_neither_daemon_nor_journal(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given two homes with a trainer each
    homes = [make_home(backend.environment()) for _ in range(2)]
    for number, home in enumerate(homes):
        Trainer(home, SCRIPT, f"{run_id}-{number}").succeeds()

    # Then each has a daemon and a journal of its own
    pids = [status(home)["pid"] for home in homes]
    assert pids[0] != pids[1]
    for number, home in enumerate(homes):
        backend.finished(f"{run_id}-{number}")
        assert [path.name for path in home.journals()] == [f"run-{run_id}-{number}.wandb"]


def test_the_daemon_that_a_trainer_started_outlives_its_job(home: Home, backend: Backend, run_id: str) -> None:
    # Given a trainer that started the daemon, in a process group of its own as a shell or scheduler makes it
    trainer = Trainer(home, SCRIPT, run_id, wrapper=("setsid",))
    trainer.succeeds()

    # When the whole job is killed
    for pid in home.processes():
        if pid not in home.daemons():
            os.kill(pid, signal.SIGKILL)

    # Then the daemon lives in a session of its own, without the job's directory or descriptors, and delivers
    (pid,) = home.daemons()
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    backend.finished(run_id)
    opened = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    assert not [name for name in opened if str(home.work) in name], opened
