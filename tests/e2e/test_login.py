"""`wandbd login`: what waited for a key goes up, a wrong key changes nothing, and a key is nowhere but where it belongs."""

import os
import pty
import select
import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from harness import Backend, Daemon, Home, eventually
from harness.daemon import command, run_status, status
from harness.places import SCRIPTS, WANDBD
from harness.trainer import run as train

PART = SCRIPTS / "part.py"
WRONG = "0" * 40


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    """A home in which nobody has a key."""
    return make_home({"WANDBD_AUTOSTART": "0"})


def login(home: Home, typed: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `wandbd login` with a line on its standard input."""
    return subprocess.run(
        [str(WANDBD), "login", *words],
        env=home.environment(),
        cwd=home.work,
        input=typed + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def waits(home: Home, run_id: str, base_url: str, days: float = 0) -> None:
    """A run passes that finds no key."""
    train(home, PART, run_id, 5, env={"WANDB_BASE_URL": base_url, "PART_DAYS": str(days)})
    eventually(lambda: run_status(home, run_id)["state"] == "parked", 20, "the run waits for a key")


def test_a_login_stores_the_key_names_its_owner_and_sends_what_waited(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run that waits for a key, and other entries in netrc
    Daemon(home)
    waits(home, run_id, backend.url)
    netrc = home.home / ".netrc"
    netrc.write_text("machine github.com login me password other\n")

    # When a person logs in
    done = login(home, backend.api_key, "--host", backend.url)

    # Then the run arrives, and the key is where W&B's own tools look for it
    assert done.returncode == 0, done.stdout + done.stderr
    assert "logged in" in done.stdout and run_id in done.stdout, done.stdout
    backend.finished(run_id)
    assert len(backend.history(run_id)) == 5
    text = netrc.read_text()
    assert "machine github.com login me password other" in text
    assert f"machine {urlsplit(backend.url).netloc}\n  login user\n  password {backend.api_key}" in text
    assert netrc.stat().st_mode & 0o777 == 0o600
    assert f"base_url = {backend.url}" in (home.home / ".config/wandb/settings").read_text()

    # And a second login needs no key
    again = login(home, "")
    assert again.returncode == 0 and "logged in" in again.stdout, again.stdout + again.stderr


def test_a_key_that_the_server_does_not_know_is_not_stored(home: Home, backend: Backend, run_id: str) -> None:
    Daemon(home)
    waits(home, run_id, backend.url)

    refused = login(home, WRONG, "--host", backend.url)
    misshapen = login(home, "short", "--host", backend.url)

    assert refused.returncode == 1 and "does not accept" in refused.stdout, refused.stdout
    assert misshapen.returncode == 1 and "characters" in misshapen.stderr, misshapen.stderr
    assert not (home.home / ".netrc").exists()
    assert run_status(home, run_id)["state"] == "parked"


def test_a_server_that_cannot_be_asked_does_not_keep_a_key_from_being_stored(home: Home) -> None:
    done = login(home, WRONG, "--host", "http://127.0.0.1:9")

    assert done.returncode == 0 and "could not be asked" in done.stdout, done.stdout + done.stderr
    assert WRONG in (home.home / ".netrc").read_text()
    command(home, "stop")


def test_what_waited_for_more_than_a_day_goes_only_when_a_person_says_so(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run of yesterday and one of today, both without a key
    daemon = Daemon(home)
    old, new = f"{run_id}-old", f"{run_id}-new"
    waits(home, old, backend.url, days=2)
    waits(home, new, backend.url)

    # When a person logs in, and the daemon starts again
    done = login(home, backend.api_key, "--host", backend.url)
    backend.finished(new)
    daemon.stop()
    daemon.start()

    # Then the old one is only listed, with the command that sends it
    line = next(line for line in done.stdout.splitlines() if "wandbd sync" in line)
    assert old in line, done.stdout
    eventually(lambda: run_status(home, old)["state"] == "parked", 20, "the old run still waits")
    assert "more than a day" in run_status(home, old)["cause"]
    assert backend.find(old) is None

    # And that command sends it
    sent = command(home, *line.split("#")[0].split()[1:])
    assert sent.returncode == 0, sent.stdout + sent.stderr
    backend.finished(old)


def test_a_run_with_a_wrong_key_of_its_own_goes_with_the_key_of_a_login(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run whose WANDB_API_KEY the server refuses
    daemon = Daemon(home)
    train(home, PART, run_id, 5, env={"WANDB_BASE_URL": backend.url, "WANDB_API_KEY": WRONG})
    eventually(lambda: "credentials" in run_status(home, run_id)["cause"], 20, "the key is refused")

    # When a person logs in and the daemon is killed at once
    assert login(home, backend.api_key, "--host", backend.url).returncode == 0
    daemon.kill()
    daemon.start()

    # Then the run arrives
    backend.finished(run_id)


def test_a_key_that_is_typed_is_not_shown_and_nowhere_but_in_its_files(home: Home, backend: Backend, run_id: str) -> None:
    # Given a person at a terminal
    Daemon(home)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [str(WANDBD), "login", "--host", backend.url],
        env=home.environment(),
        cwd=home.work,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    home.own(process)
    os.close(slave)
    shown = bytearray()

    def read(what: bytes) -> bool:
        while select.select([master], [], [], 0)[0]:
            try:
                shown.extend(os.read(master, 4096))
            except OSError:
                break
        return what in shown

    # When the key is typed
    eventually(lambda: read(b"not shown"), 30, "the key is asked for")
    os.write(master, backend.api_key.encode() + b"\n")
    eventually(lambda: read(b"stored in"), 30, "the key is stored")
    assert process.wait(timeout=30) == 0
    os.close(master)

    # Then it is on no screen, in no log and no journal
    assert backend.api_key.encode() not in shown
    train(home, PART, run_id, 2, env={"WANDB_BASE_URL": backend.url})
    backend.finished(run_id)
    holders = [path.name for path in home.files() if backend.api_key.encode() in path.read_bytes()]
    assert holders == [".netrc"], holders


def test_offline_and_online_change_the_mode_of_a_folder(home: Home, backend: Backend, run_id: str) -> None:
    Daemon(home)
    assert command(home, "offline").returncode == 0
    train(home, PART, run_id, 2, env=backend.environment())
    assert run_status(home, run_id)["state"] == "offline"

    assert command(home, "online").returncode == 0
    train(home, PART, f"{run_id}-2", 2, env=backend.environment())
    backend.finished(f"{run_id}-2")
    assert backend.find(run_id) is None
    assert len(status(home)["runs"]) == 2
