"""What is private stays private: the socket, the directories, the key."""

import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Backend, Daemon, Home, eventually
from harness.daemon import command, run_status
from harness.places import SCRIPTS
from harness.trainer import run as train
from harness.whole import arrived

NOBODY = 65534

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@pytest.fixture
def daemon(home: Home) -> Daemon:
    """A daemon."""
    return Daemon(home)


@as_root
def test_another_user_cannot_reach_the_socket(home: Home, daemon: Daemon) -> None:
    tried = _connect_as(home, NOBODY)
    assert "answer" not in tried.stdout, tried.stdout
    assert "PermissionError" in tried.stderr, tried.stderr


@as_root
def test_another_user_is_sent_away_even_where_the_directories_let_them_in(home: Home, daemon: Daemon) -> None:
    # Given directories and a socket that somebody opened for all
    path = home.socket
    assert path is not None
    for folder in [*path.parents]:
        if str(folder).startswith(str(home.root)):
            folder.chmod(0o755)
    path.chmod(0o777)

    # When another user connects, then nothing is answered; the owner still is
    tried = _connect_as(home, NOBODY)
    assert tried.stdout.strip() in ("", "answer"), tried.stdout
    assert _connect_as(home, os.getuid()).stdout.startswith("answer 00"), "the check itself works: the owner gets HTTP/2"


def _connect_as(home: Home, user: int) -> subprocess.CompletedProcess[str]:
    """Say the first words of HTTP/2 to the daemon as a user. A fork: another user may not be able to execute this Python."""
    path = home.socket
    assert path is not None
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            end = socket.socket(socket.AF_UNIX)
            end.settimeout(10)
            end.connect(str(path))
            end.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            said = b"answer " + end.recv(100).hex().encode()
        except OSError as error:
            said = type(error).__name__.encode()
        os.write(write, said)
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as end_of_pipe:
        said_text = end_of_pipe.read().decode()
    answered = said_text.startswith("answer")
    return subprocess.CompletedProcess([], 0, said_text if answered else "", "" if answered else said_text)


def test_directories_are_for_their_owner_only_and_so_are_files_with_content(
    home: Home, backend: Backend, daemon: Daemon, run_id: str
) -> None:
    # When a run has passed
    train(home, SCRIPTS / "whole.py", run_id, 20)
    arrived(backend, run_id, 20)

    # Then nothing of the state is open to others
    for path in _state(home):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_dir():
            assert mode == 0o700, f"{path} has {mode:o}"
        else:
            assert mode & 0o077 == 0, f"{path} has {mode:o}"
    socket_ = home.socket
    assert socket_ is not None
    assert stat.S_IMODE(socket_.parent.stat().st_mode) == 0o700


def _state(home: Home) -> Iterator[Path]:
    yield home.state
    yield from home.state.rglob("*")


def test_the_key_is_in_one_private_file_only(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given a daemon that logs everything, and a run whose key came by the environment
    home = make_home(backend.environment() | {"WANDBD_LOG": "debug"})
    trainer = train(home, SCRIPTS / "whole.py", run_id, 20)
    (pid,) = home.daemons()
    key = backend.api_key.encode()

    # Then the key is not in the daemon's arguments nor in its environment
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            assert key not in file.read(), f"the key is in /proc/{pid}/{name}"
    with open(f"/proc/{pid}/environ", "rb") as file:
        names = {entry.split(b"=")[0] for entry in file.read().split(b"\0")}
    assert not [name for name in names if name.startswith(b"WANDB_")], names

    # Nor in any file but the one that is there for it, nor in what the trainer said
    arrived(backend, run_id, 20)
    holders = [path for path in home.files() if key in path.read_bytes()]
    assert [path for path in holders if path.name != "credentials"] == []
    assert backend.api_key not in trainer.text()

    # And where it lies for a while, only its owner can read
    for path in holders:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_the_server_refuses_is_not_in_the_words_about_it(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given a wrong key
    wrong = "f" * 40
    home = make_home(backend.environment() | {"WANDB_API_KEY": wrong, "WANDBD_LOG": "debug"})
    daemon = Daemon(home)

    # When a run is refused
    trainer = train(home, SCRIPTS / "whole.py", run_id, 5)
    entry = eventually(lambda: (found := run_status(home, run_id)) and found["cause"] and found, 30, "status names a cause")

    # Then neither log nor status nor the trainer's terminal shows it
    assert wrong not in daemon.text()
    assert wrong not in str(entry)
    assert wrong not in trainer.text()
    assert "401" in entry["cause"] or "key" in entry["cause"].lower() or "credential" in entry["cause"].lower(), entry["cause"]


def test_a_key_on_the_command_line_of_the_training_script_is_masked_in_its_metadata(home: Home, backend: Backend, run_id: str) -> None:
    # When a script is called with something that looks like a key
    secret = "0123456789abcdef0123456789abcdef01234567"
    train(home, SCRIPTS / "whole.py", run_id, 5, "wandbd", f"--api-key={secret}", "--token", secret)
    run = backend.finished(run_id)

    # Then it is in no file that goes up
    metadata = next(file for file in run["files"] if file["name"] == "wandb-metadata.json")
    assert secret.encode() not in backend.download(metadata["url"])
    assert secret not in str(run["config"])


def test_a_foreign_directory_in_place_of_ours_is_refused(home: Home) -> None:
    # Given a state directory that others may write to
    base = home.root / "state" / "wandbd"
    base.mkdir(parents=True)
    base.chmod(0o777)

    # When a daemon starts, then it either closes it or refuses with its name
    tried = command(home, "start")
    if tried.returncode == 0:
        assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
    else:
        assert str(base) in tried.stderr
