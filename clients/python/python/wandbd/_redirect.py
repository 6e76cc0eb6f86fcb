"""Console mode `redirect`: the file descriptors 1 and 2 lead through us: subprocesses and C code are heard, too.

Each descriptor is replaced by a pipe, or by a pseudo terminal where it was a terminal (programs behave differently
there). A thread passes on every byte to where it went before, then to the run. The end of the run puts the descriptors
back; a subprocess that still holds the pipe goes on to be passed on to the terminal while this process lives.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from collections.abc import Callable

Sink = Callable[[bool, str], None]

_CHUNK = 65536
_QUIET_S = 0.05
"""So long nothing comes before everything counts as heard."""
_DRAIN_S = 5.0
_FOR_EVER: float | None = None

_active: Redirect | None = None


class _Channel:
    """One descriptor, and the thread that passes on what is written to it."""

    def __init__(self, stderr: bool, descriptor: int, sink: Sink) -> None:
        self._stderr = stderr
        self._descriptor = descriptor
        self._sink: Sink | None = sink
        self._drained = threading.Event()
        self._terminal = os.dup(descriptor)
        os.set_inheritable(self._terminal, False)
        self._read, write = self._pair()
        self._wake, self._waker = os.pipe()
        os.dup2(write, descriptor, inheritable=True)
        os.close(write)
        self._thread = threading.Thread(target=self._relay, name="wandbd-console", daemon=True)
        self._thread.start()

    def _pair(self) -> tuple[int, int]:
        if not os.isatty(self._descriptor):
            return os.pipe()
        import fcntl
        import pty
        import termios
        import tty

        read, write = pty.openpty()
        tty.setraw(write)  # the real terminal makes of line ends what it likes
        try:
            size = fcntl.ioctl(self._descriptor, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(write, termios.TIOCSWINSZ, size)
        except OSError:
            pass
        return read, write

    def _relay(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        waiting, limit = [self._read, self._wake], _FOR_EVER
        while True:
            ready = select.select(waiting, [], [], limit)[0]
            if self._wake in ready:  # the run ends: what is in the pipe by now is heard, then nothing more
                waiting, limit = [self._read], _QUIET_S
            elif not ready:
                self._heard()
                limit = _FOR_EVER
            elif not self._pass_on(self._bytes(), decoder):
                break
        self._heard()
        for descriptor in (self._read, self._wake, self._terminal):
            os.close(descriptor)

    def _bytes(self) -> bytes:
        try:
            return os.read(self._read, _CHUNK)
        except OSError:  # the last writer of a pseudo terminal has gone
            return b""

    def _heard(self) -> None:
        self._sink = None
        self._drained.set()

    def _pass_on(self, data: bytes, decoder: codecs.IncrementalDecoder) -> bool:
        """Hand on `data`; False when it is the end."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._terminal, rest) :]
        except OSError:  # nobody looks at the terminal any more
            pass
        sink, text = self._sink, decoder.decode(data)
        if sink is not None and text:
            try:
                sink(self._stderr, text)
            except Exception:  # printing must not fail because of logging
                pass
        return bool(data)

    def restore(self) -> None:
        """Put the descriptor back, and wait until everything written so far was heard."""
        os.dup2(self._terminal, self._descriptor, inheritable=True)
        try:
            os.write(self._waker, b".")
        except OSError:  # nobody else held the other end, so the thread has heard everything and gone
            pass
        self._drained.wait(_DRAIN_S)
        os.close(self._waker)


class Redirect:
    """Both descriptors, for one run."""

    def __init__(self, sink: Sink) -> None:
        """Prepare to hand text to `sink(stderr, text)`."""
        self._sink = sink
        self._pid = os.getpid()
        self._channels: list[_Channel] = []

    def possible(self) -> bool:
        """Whether the standard streams have descriptors of their own."""
        out, err = sys.__stdout__, sys.__stderr__
        try:
            return out is not None and err is not None and (out.fileno(), err.fileno()) == (1, 2)
        except (AttributeError, OSError, ValueError):
            return False

    def start(self) -> None:
        """Take the descriptors. Another run that has them gives them back first."""
        global _active
        if _active is not None:
            _active.stop()
        _active = self
        _flush()
        for stderr, descriptor in ((False, 1), (True, 2)):
            self._channels.append(_Channel(stderr, descriptor, self._sink))

    def stop(self) -> None:
        """Give the descriptors back."""
        global _active
        if os.getpid() != self._pid:
            return
        _flush()
        for channel in self._channels:
            channel.restore()
        self._channels.clear()
        if _active is self:
            _active = None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            continue
