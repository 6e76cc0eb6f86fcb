"""A daemon of the test's own: started, killed, stopped, continued."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from harness.home import Home
from harness.places import WANDBD
from harness.wait import eventually


class Daemon:
    """`wandbd serve` in the foreground, its log in `log`."""

    def __init__(self, home: Home, *options: str, env: dict[str, str] | None = None, wrapper: tuple[str, ...] = ()) -> None:
        """Start it; it accepts connections when this returns. `wrapper` is put before the command (as `unshare -m ...`)."""
        self.home = home
        self.options = options
        self.env = dict(env or {})
        self.wrapper = wrapper
        self.log = home.root / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it."""
        environment = self.home.environment(self.env)
        environment.setdefault("WANDBD_LOG", "info")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(WANDBD), "serve", *self.options],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.home.own(self.process)
        return self.process

    def start(self) -> None:
        """Start the process and wait until its socket answers."""
        process = self.spawn()

        def listening() -> bool:
            assert process.poll() is None, f"the daemon ended with {process.returncode}:\n{self.text()}"
            return accepts(self.home)

        # A daemon that died at once fails here with its own words, not after the limit.
        try:
            eventually(lambda: process.poll() is not None or listening(), 20, "the daemon's socket answers")
        finally:
            assert process.poll() is None, f"the daemon ended with {process.returncode}:\n{self.text()}"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    def text(self) -> str:
        """Return the log so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """`kill -9`: no word of goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=20)

    def freeze(self) -> None:
        """SIGSTOP: alive, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, limit_s: float = 20) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=limit_s)

    def status(self) -> dict[str, Any]:
        """Return what `wandbd status --json` says."""
        return status(self.home)


def accepts(home: Home) -> bool:
    """Whether somebody takes connections on the home's socket."""
    path = home.socket
    if path is None:
        return False
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(str(path))
        except OSError:
            return False
    return True


def command(
    home: Home, *words: str, env: dict[str, str] | None = None, limit_s: float = 60, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a `wandbd` command in a home and return it ended; `stdout` and `stderr` are text."""
    return subprocess.run(
        [str(WANDBD), *words],
        env=home.environment(env),
        cwd=cwd or home.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def status(home: Home) -> dict[str, Any]:
    """Return what `wandbd status --json` says."""
    done = command(home, "status", "--json")
    assert done.returncode == 0, f"status: {done.stderr}"
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def run_status(home: Home, run_id: str) -> dict[str, Any]:
    """Return the part of the status that tells of one run."""
    runs = status(home)["runs"]
    found = [run for run in runs if run["run_id"] == run_id]
    assert found, f"status does not list {run_id}: {[run['run_id'] for run in runs]}"
    entry: dict[str, Any] = found[0]
    return entry
