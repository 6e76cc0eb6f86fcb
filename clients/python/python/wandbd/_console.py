"""What a script prints goes to the run as well: `write` of the standard streams is wrapped while the run lasts.

The terminal comes first and gets exactly what it got before. Whatever goes wrong on our side is swallowed: printing
must not fail because of logging. A thread that prints while it is inside our own call is not captured again, and
forked children are not captured at all.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from collections.abc import Callable
from typing import Any

Sink = Callable[[bool, str], None]


class Console:
    """The two wrapped streams of one run."""

    __slots__ = ("_busy", "_pid", "_sink", "_wrapped")

    def __init__(self, sink: Sink) -> None:
        """Prepare to hand text to `sink(stderr, text)`."""
        self._sink: Sink | None = sink
        self._pid = os.getpid()
        self._busy: set[int] = set()
        self._wrapped: list[tuple[Any, Any]] = []

    def start(self) -> None:
        """Wrap stdout and stderr as they are now; a stream that cannot be wrapped is left alone."""
        streams: tuple[tuple[bool, Any], ...] = ((False, sys.stdout), (True, sys.stderr))
        for stderr, stream in streams:
            if stream is None or (stderr and stream is streams[0][1]):
                continue
            try:
                wrapper = self._wrapper(stderr, stream.write)
                stream.write = wrapper
            except (AttributeError, TypeError):
                continue
            self._wrapped.append((stream, wrapper))

    def stop(self) -> None:
        """Give the streams their own `write` back; where somebody has wrapped ours since, ours only passes on."""
        self._sink = None
        for stream, wrapper in self._wrapped:
            try:
                if stream.__dict__.get("write") is wrapper:
                    before = wrapper.__wrapped__
                    if getattr(before, "__self__", None) is stream:
                        del stream.__dict__["write"]
                    else:
                        stream.write = before
            except (AttributeError, TypeError, KeyError):
                continue
        self._wrapped.clear()

    def _wrapper(self, stderr: bool, original: Callable[[str], int]) -> Callable[[str], int]:
        def write(text: str, /) -> int:
            written = original(text)
            self._pass_on(stderr, text)
            return written

        write.__wrapped__ = original  # type: ignore[attr-defined]
        return write

    def _pass_on(self, stderr: bool, text: str) -> None:
        sink = self._sink
        thread = get_ident()
        if sink is None or thread in self._busy or os.getpid() != self._pid:
            return
        self._busy.add(thread)
        try:
            sink(stderr, text)
        except Exception:  # printing must not fail because of logging
            pass
        finally:
            self._busy.discard(thread)
