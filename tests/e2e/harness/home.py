"""A HOME of its own for a test: nothing is shared with another test or with the person who runs them."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.places import PACKAGE, WANDBD
from harness.wait import eventually


class Home:
    """Directories and environment of one imagined user, and all processes that run in them."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        """Make the directories; `environment` is added to what every process of this home gets."""
        # Short, because a Unix socket's path has to stay under 100 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="wd-", dir="/tmp"))
        self.home = self._directory("home")
        self.work = self._directory("work")
        self.runtime = self._directory("run")
        self.extra = dict(environment or {})
        self._children: list[subprocess.Popen[Any]] = []

    def _directory(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(mode=0o700)
        return path

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of a process in this home: little is inherited from the person who runs the test."""
        env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.root / "state"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TMPDIR": str(self.runtime),
            "PYTHONPATH": str(PACKAGE),
            "PYTHONUNBUFFERED": "1",
            "WANDBD_BIN": str(WANDBD),
            "WANDB_ERROR_REPORTING": "false",
            # The default of a job under CI is to wait for delivery; these tests say what they want themselves.
            "WANDBD_FINISH": "ack",
        }
        return env | self.extra | (more or {})

    @property
    def state(self) -> Path:
        """The state directory of this machine; there is exactly one once a daemon or client has made it."""
        found = sorted((self.root / "state" / "wandbd").glob("*/"))
        assert len(found) == 1, f"expected one state directory, found {found}"
        return found[0]

    @property
    def socket(self) -> Path | None:
        """The daemon's socket, None while there is none."""
        return next(iter(sorted(self.runtime.glob("wandbd*/v1.sock"))), None)

    def journals(self) -> list[Path]:
        """Return all journals of online runs."""
        return sorted((self.root / "state").glob("wandbd/*/runs/*/*.wandb"))

    def files(self) -> Iterator[Path]:
        """Yield every regular file below this home."""
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path

    def processes(self) -> list[int]:
        """Return the process ids of all processes whose environment names this home."""
        mark = f"{self.root}/".encode()
        return [pid for pid in _pids() if pid != os.getpid() and mark in _read(pid, "environ") + _read(pid, "cmdline")]

    def daemons(self) -> list[int]:
        """Return the process ids of the daemons that serve this home: they hold its lock."""
        return [pid for pid in self.processes() if self._is_daemon(pid)]

    def _is_daemon(self, pid: int) -> bool:
        words = _read(pid, "cmdline").split(b"\0")
        return _runs(pid, WANDBD) and any(word in (b"serve", b"start") for word in words) and self._holds_lock(pid)

    def _holds_lock(self, pid: int) -> bool:
        try:
            lock = os.stat(self.state / "lock")
        except (AssertionError, FileNotFoundError):
            return False
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            return False
        for number in descriptors:
            try:
                opened = os.stat(f"/proc/{pid}/fd/{number}")
                info = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
            except OSError:
                continue
            if (opened.st_dev, opened.st_ino) == (lock.st_dev, lock.st_ino) and "lock:" in info:
                return True
        return False

    def own(self, process: subprocess.Popen[Any]) -> None:
        """Remember a process that a test has started, to end it with the home."""
        self._children.append(process)

    def close(self) -> None:
        """End what still runs here, by process id, and remove the directories."""
        for child in self._children:
            if child.poll() is None:
                child.kill()
                child.wait(timeout=20)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

        def all_gone() -> bool:
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return not self.processes()

        eventually(all_gone, 20, f"everything that runs in {self.root} is gone")
        shutil.rmtree(self.root, ignore_errors=True)


def _pids() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _runs(pid: int, program: Path) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == str(program)
    except OSError:
        return False
