"""A training script in a process of its own."""

import os
import signal
import subprocess
import textwrap
import threading
from pathlib import Path

from harness.home import Home
from harness.places import PYTHON
from harness.wait import eventually


class Trainer:
    """A Python process that logs; its output is collected line by line as it comes."""

    def __init__(
        self,
        home: Home,
        script: str | Path,
        *arguments: object,
        env: dict[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        python: str = PYTHON,
    ) -> None:
        """Start it. `script` is a path, or the program itself as indented text."""
        if isinstance(script, str):
            words = ["-c", textwrap.dedent(script)]
        else:
            words = [str(script)]
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.process = subprocess.Popen(
            [*wrapper, python, "-W", "default", *words, *(str(argument) for argument in arguments)],
            env=home.environment(env),
            cwd=home.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        home.own(self.process)
        self._readers = [
            threading.Thread(target=self._collect, args=(self.process.stdout, self.lines), daemon=True),
            threading.Thread(target=self._collect, args=(self.process.stderr, self.errors), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _collect(stream: object, into: list[str]) -> None:
        for line in stream:  # type: ignore[attr-defined]
            into.append(line.rstrip("\n"))

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def say(self, word: str = "go") -> None:
        """Write a line to its standard input: the scripts wait for one where the test wants to act first."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def said(self, start: str, limit_s: float = 60) -> str:
        """Wait for a line of output that begins with `start` and return the rest of it."""

        def found() -> str | None:
            for line in list(self.lines):
                if line.startswith(start):
                    return line[len(start) :].strip() or " "
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.text()}"
            return None

        return eventually(found, limit_s, f"the trainer says {start!r}").strip()

    def last(self, start: str) -> str | None:
        """Return the rest of the last line so far that begins with `start`."""
        for line in reversed(list(self.lines)):
            if line.startswith(start):
                return line[len(start) :].strip()
        return None

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self._ended(20)

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def wait(self, limit_s: float = 60) -> int:
        """Wait until it has ended and all its output is read; return the exit status."""
        return self._ended(limit_s)

    def succeeds(self, limit_s: float = 60) -> "Trainer":
        """Wait for its end; anything but success fails the test with all it said."""
        code = self.wait(limit_s)
        assert code == 0, f"the trainer ended with {code}:\n{self.text()}"
        return self

    def _ended(self, limit_s: float) -> int:
        try:
            code = self.process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)
            raise AssertionError(f"the trainer did not end within {limit_s:g} s:\n{self.text()}") from None
        # A daemon that it started must not hold its pipes: that would keep these readers waiting.
        for reader in self._readers:
            reader.join(timeout=10)
            assert not reader.is_alive(), "somebody still holds the trainer's output open"
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        return code

    def text(self) -> str:
        """Return all it said."""
        return "\n".join(["--- stdout", *self.lines, "--- stderr", *self.errors])


def run(
    home: Home, script: str | Path, *arguments: object, env: dict[str, str] | None = None, limit_s: float = 90, python: str = PYTHON
) -> Trainer:
    """Run a script to its successful end."""
    return Trainer(home, script, *arguments, env=env, python=python).succeeds(limit_s)
