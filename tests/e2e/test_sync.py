"""`wandbd sync`: segments become one run, growing files are followed, damaged ones repaired, and nothing goes up twice."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Backend, Daemon, Home, Trainer, eventually
from harness.daemon import command, run_status
from harness.places import SCRIPTS, WANDBD
from harness.trainer import run as train

PART = SCRIPTS / "part.py"
OFFLINE = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend) -> Home:
    """A home with a key."""
    return make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})


def folders(home: Home) -> list[Path]:
    """Folders of offline runs, in the order of their start."""
    return sorted((home.work / "wandb").glob("offline-run-*/"))


def steps(backend: Backend, run_id: str) -> list[tuple[int, int]]:
    """Steps and values of a run."""
    return [(row["_step"], row["i"]) for row in backend.history(run_id)]


@pytest.mark.parametrize("module", ["wandbd", "wandb"])
def test_offline_segments_of_one_run_id_become_one_run_in_the_order_of_their_start(
    module: str, home: Home, backend: Backend, run_id: str
) -> None:
    # Given three segments of one run, and a later run, by ours or by the real SDK
    Daemon(home)
    for days in ("0", "0.2", "0.1"):
        # The second was recorded on a machine whose clock was behind: it is the oldest.
        train(home, PART, run_id, 3, module, env=OFFLINE | {"PART_DAYS": days})
    train(home, PART, f"{run_id}-2", 2, module, env=OFFLINE)
    before = [path for folder in folders(home) for path in folder.glob("*.wandb")]
    assert len(before) == 4

    # When the folder is synced
    done = command(home, "sync", "wandb", limit_s=120)

    # Then both runs are there, with steps that go on
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 files: 4 delivered with 11 rows" in done.stdout, done.stdout
    assert steps(backend, run_id) == [(n, n % 3) for n in range(9)]
    assert steps(backend, f"{run_id}-2") == [(0, 0), (1, 1)]
    assert not backend.run(run_id)["violations"]

    # And a second time nothing goes up, also when it is asked for again
    again = command(home, "sync", "wandb")
    assert again.returncode == 0 and "4 delivered before" in again.stdout, again.stdout
    command(home, "sync", "wandb", "--include-synced", "--include-globs", run_id, limit_s=120)
    assert steps(backend, run_id) == [(n, n % 3) for n in range(9)]


@pytest.mark.parametrize("module", ["wandbd", "wandb"])
def test_segments_that_are_synced_one_by_one_become_one_run_too(module: str, home: Home, backend: Backend, run_id: str) -> None:
    # Given two segments of one run, by ours or by the real SDK
    Daemon(home)
    for days in ("0.1", "0"):
        train(home, PART, run_id, 3, module, env=OFFLINE | {"PART_DAYS": days})

    # When each is synced by a call of its own
    for folder in sorted(folders(home)):
        done = command(home, "sync", str(folder), limit_s=60)
        assert done.returncode == 0, done.stdout + done.stderr

    # Then the second goes on where the first has ended
    assert steps(backend, run_id) == [(n, n % 3) for n in range(6)]
    assert not backend.run(run_id)["violations"]


def test_what_was_cut_out_of_a_damaged_file_is_said_and_the_rest_is_there(home: Home, backend: Backend, run_id: str) -> None:
    # Given a file of the real SDK with a flipped bit in the middle and a torn end
    Daemon(home)
    train(home, PART, run_id, 500, "wandb", env=OFFLINE)
    (journal,) = folders(home)[0].glob("*.wandb")
    damaged = bytearray(journal.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    journal.write_bytes(damaged[:-40])

    # When it is synced
    done = command(home, "sync", str(journal), limit_s=120)

    # Then the report names the bytes, and what can be read is on the server
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checksum mismatch" in done.stdout and "no whole record" in done.stdout, done.stdout
    found = steps(backend, run_id)
    assert 300 < len(found) < 500 and found[0] == (0, 0)
    assert all(step == i for step, i in found)


def test_a_file_that_is_still_written_is_refused_unless_it_is_followed_to_its_end(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run of the real SDK that goes on
    Daemon(home)
    trainer = Trainer(home, PART, run_id, 20, "wandb", env=OFFLINE | {"PART_WAIT": "1"})
    trainer.said("logged")
    eventually(lambda: list(folders(home)[0].glob("*.wandb")), 30, "the file is there")
    folder = folders(home)[0]

    # When it is synced, then it is refused
    refused = command(home, "sync", str(folder))
    assert refused.returncode == 1 and "--follow" in refused.stdout, refused.stdout + refused.stderr
    assert not list(folder.glob("*.synced"))

    # When it is followed, then it is whole when the run ends
    following = subprocess.Popen(
        [str(WANDBD), "sync", "--follow", str(folder)], env=home.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    home.own(following)
    eventually(lambda: backend.find(run_id), 30, "the run is on the server before it ends")
    trainer.say()
    trainer.wait()
    assert following.wait(timeout=90) == 0
    assert steps(backend, run_id) == [(n, n) for n in range(20)]
    assert backend.run(run_id)["state"] == "finished"


def test_two_journals_of_one_run_id_are_delivered_in_the_order_of_their_opening(home: Home, backend: Backend, run_id: str) -> None:
    # Given two processes that log to one run, one after the other, while nothing can be delivered
    away = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_RESUME": "allow", "WANDB_API_KEY": backend.api_key}
    daemon = Daemon(home)
    for _ in range(2):
        train(home, PART, run_id, 3, env=away)
    journals = home.journals()
    assert len(journals) == 2

    # Then the second one says what it waits for, also after a restart
    daemon.kill()
    daemon.start()

    def waiting() -> list[str]:
        found = [run["cause"] for run in runs(home, run_id)]
        return found if len(found) == 2 and all(found) else []

    causes = eventually(waiting, 30, "both say what they wait for")
    assert ["earlier part" in cause for cause in causes].count(True) == 1, causes


def runs(home: Home, run_id: str) -> list[dict[str, str]]:
    """All parts of a run that the daemon knows."""
    said = json.loads(command(home, "status", run_id, "--json").stdout)
    found: list[dict[str, str]] = said["runs"]
    return found


def test_a_run_that_init_forbids_is_parked_and_nothing_of_it_is_sent(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run that is on the server
    daemon = Daemon(home)
    train(home, PART, run_id, 3)
    backend.finished(run_id)

    # When a script says that it must not be there
    trainer = Trainer(home, PART, run_id, 5, env={"WANDB_RESUME": "never"})
    trainer.wait()

    # Then that is the cause, also after a restart, and the server has nothing of it
    def parked() -> bool:
        return any(run["state"] == "parked" and run["error"] for run in runs(home, run_id))

    eventually(parked, 30, "the second run is parked")
    daemon.stop()
    daemon.start()
    eventually(parked, 30, "the second run is parked after a restart")
    assert steps(backend, run_id) == [(0, 0), (1, 1), (2, 2)]
    told = command(home, "status", run_id).stdout
    assert "nothing is sent" in told, told
    assert list(home.state.glob("runs/*/*.forbidden"))


def test_a_dry_run_says_what_would_go_and_sends_nothing(home: Home, backend: Backend, run_id: str) -> None:
    Daemon(home)
    train(home, PART, run_id, 2, env=OFFLINE)

    done = command(home, "sync", "--dry-run")
    unasked = command(home, "sync")

    assert done.returncode == 0 and "1 run would be delivered" in done.stdout, done.stdout
    assert unasked.returncode == 1 and "--yes" in unasked.stderr, unasked.stderr
    assert run_status(home, run_id)["state"] == "offline"
    assert command(home, "sync", "--yes").returncode == 0
    backend.finished(run_id)
