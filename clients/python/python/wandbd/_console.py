"""What a script prints goes to the run as well: `write` of the standard streams is wrapped while a run lasts.

The terminal comes first and gets exactly what it got before. Whatever goes wrong on our side is swallowed: printing
must not fail because of logging. A thread that prints while it is inside our own call is not captured again, and
forked children are not captured at all.

A stream is wrapped once, whatever number of runs listen: the stream object stays the same, so that everybody who holds
it (loguru, tqdm, a logging handler) is captured, and its other methods are its own. When the last run has ended it gets
its own `write` back; where somebody has wrapped ours since, it stays and only passes on, for a later run to use.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from collections.abc import Callable
from typing import Any, Protocol

Sink = Callable[[bool, str], None]


class Capture(Protocol):
    """A way of listening to what a script prints."""

    def start(self) -> None:
        """Listen from now on."""

    def stop(self) -> None:
        """Listen no more; what was printed before has been handed over."""


class _Line:
    open = False
    """Whether the last thing that was printed did not end its line."""


def end_line() -> str:
    """What has to be written before a line of our own, so that it does not stick to one of the script's."""
    was, _Line.open = _Line.open, False
    return "\n" if was else ""


class _Tap:
    """A stream whose `write` is ours."""

    __slots__ = ("_busy", "original", "sinks", "stderr", "stream", "wrapper")

    def __init__(self, stderr: bool, stream: Any) -> None:
        self.stderr = stderr
        self.stream = stream
        self.sinks: list[Console] = []
        self.original: Callable[[str], int] = stream.write
        self._busy: set[int] = set()
        self.wrapper = self._wrapped(self.original)
        stream.write = self.wrapper

    def _wrapped(self, original: Callable[[str], int]) -> Callable[[str], int]:
        def write(text: str, /) -> int:
            written = original(text)
            if text:
                _Line.open = text[-1] != "\n"
            if self.sinks:
                self._pass_on(text)
            return written

        write.__wrapped__ = original  # type: ignore[attr-defined]
        return write

    def _pass_on(self, text: str) -> None:
        thread = get_ident()
        if thread in self._busy:
            return
        self._busy.add(thread)
        try:
            for console in tuple(self.sinks):
                console.take(self.stderr, text)
        except Exception:  # printing must not fail because of logging
            pass
        finally:
            self._busy.discard(thread)

    def remove(self) -> bool:
        """Give the stream its own `write` back; False if somebody has wrapped ours."""
        try:
            if self.stream.__dict__.get("write") is not self.wrapper:
                return False
            if getattr(self.original, "__self__", None) is self.stream:
                del self.stream.__dict__["write"]
            else:
                self.stream.write = self.original
        except (AttributeError, TypeError, KeyError):
            return False
        return True


_taps: dict[int, _Tap] = {}
"""By the identity of the stream, which the tap keeps alive."""


def _tap(stderr: bool, stream: Any) -> _Tap:
    known = _taps.get(id(stream))
    if known is not None and known.stream is stream and _leads_to(stream.write, known.wrapper):
        return known
    tap = _taps[id(stream)] = _Tap(stderr, stream)
    return tap


def _leads_to(write: Any, ours: Callable[[str], int]) -> bool:
    """Whether `write` is ours, or says that it wraps ours."""
    for _ in range(8):
        if write is ours:
            return True
        write = getattr(write, "__wrapped__", None)
        if write is None:
            return False
    return False


def notebook_events() -> Any:
    """What tells of the cells of the notebook that runs here; None elsewhere."""
    from wandbd._computed import in_notebook

    return sys.modules["IPython"].get_ipython().events if in_notebook() else None


class Console:
    """The two streams, as one run listens to them."""

    __slots__ = ("_notebook", "_pid", "_sink", "_taps")

    def __init__(self, sink: Sink) -> None:
        """Prepare to hand text to `sink(stderr, text)`."""
        self._sink: Sink | None = sink
        self._pid = os.getpid()
        self._taps: list[_Tap] = []
        self._notebook: Any = None

    def start(self) -> None:
        """Listen to stdout and stderr as they are now; a stream that cannot be wrapped is left alone."""
        streams: tuple[tuple[bool, Any], ...] = ((False, sys.stdout), (True, sys.stderr))
        for stderr, stream in streams:
            if stream is None or (stderr and stream is streams[0][1]):
                continue
            try:
                tap = _tap(stderr, stream)
            except (AttributeError, TypeError):
                continue
            tap.sinks.append(self)
            self._taps.append(tap)
        self._notebook = notebook_events()
        if self._notebook is not None:
            self._notebook.register("pre_run_cell", self._renew)

    def _renew(self, *arguments: Any) -> None:
        """Listen again: a notebook gives its streams their own `write` back after each cell."""
        for number, tap in enumerate(self._taps):
            try:
                renewed = _tap(tap.stderr, tap.stream)
            except (AttributeError, TypeError):
                continue
            if renewed is not tap:
                if self in tap.sinks:
                    tap.sinks.remove(self)
                if self not in renewed.sinks:
                    renewed.sinks.append(self)
                self._taps[number] = renewed

    def stop(self) -> None:
        """Listen no more."""
        self._sink = None
        if self._notebook is not None:
            self._notebook.unregister("pre_run_cell", self._renew)
            self._notebook = None
        for tap in self._taps:
            if self in tap.sinks:
                tap.sinks.remove(self)
            if not tap.sinks and tap.remove():
                _taps.pop(id(tap.stream), None)
        self._taps.clear()

    def take(self, stderr: bool, text: str) -> None:
        """Hand over what was printed, unless this is a forked child."""
        sink = self._sink
        if sink is not None and os.getpid() == self._pid:
            sink(stderr, text)


def capture(mode: str, sink: Sink) -> Capture | None:
    """The way of listening that the `console` setting asks for; None for `off`.

    The daemon folds lines as a terminal does, so that `wrap`, `wrap_raw` and `wrap_emu` are the same here.
    """
    if mode == "off":
        return None
    if mode == "redirect":
        from wandbd._redirect import Redirect

        redirect = Redirect(sink)
        if redirect.possible():
            return redirect
    return Console(sink)
