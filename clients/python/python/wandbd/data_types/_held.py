"""Data of pictures and sounds between their making and their logging: in memory up to a limit, then in a file.

A program may make ten thousand pictures for one table before it logs any of them.
"""

from __future__ import annotations

import os
from typing import Any

LIMIT_BYTES = 256 << 20
"""Of all that is held in the memory of this process. What comes beyond it lies in one unnamed temporary file."""
SMALL_BYTES = 4096
"""Less than this is not worth a place in the file."""


class _File:
    """An unnamed file that grows, and is empty again when nobody needs it. A forked child makes its own."""

    def __init__(self) -> None:
        import tempfile

        self.fd, path = tempfile.mkstemp(prefix="wandbd-")  # open until the process ends
        os.unlink(path)
        self.pid = os.getpid()
        self.end = 0
        self.users = 0

    def write(self, view: memoryview) -> int:
        start = at = self.end
        while view:
            wrote = os.pwrite(self.fd, view[: 1 << 30], at)
            at, view = at + wrote, view[wrote:]
        self.end = at
        self.users += 1
        return start

    def read(self, start: int, size: int) -> bytes:
        parts = []
        while size:
            part = os.pread(self.fd, min(size, 1 << 30), start)
            if not part:
                raise OSError("a temporary file of wandbd was cut by somebody")
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return b"".join(parts)

    def release(self) -> None:
        if self.pid != os.getpid():
            return
        self.users -= 1
        if not self.users:
            self.end = 0
            os.ftruncate(self.fd, 0)


_in_memory = 0
_file: _File | None = None


class Held:
    """The bytes of one thing."""

    __slots__ = ("_data", "_file", "_start", "size")

    def __init__(self, data: Any) -> None:
        """Keep `data` (bytes, or a snapshot of the core), or write it to the file."""
        global _in_memory, _file
        self.size: int = len(data)
        self._data: Any = None
        self._file: _File | None = None
        self._start = 0
        if self.size > SMALL_BYTES and _in_memory + self.size > LIMIT_BYTES:
            try:
                if _file is None or _file.pid != os.getpid():
                    _file = _File()
                self._start = _file.write(memoryview(bytes(data)))
                self._file = _file
                return
            except OSError:  # no room there: memory after all
                pass
        self._data = data
        _in_memory += self.size

    def buffer(self) -> Any:
        """The data."""
        return self._data if self._file is None else self._file.read(self._start, self.size)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with its bytes, so that worker processes can make objects for others to log."""
        return (Held, (bytes(self.buffer()),))

    def __del__(self) -> None:
        """Make room."""
        global _in_memory
        if getattr(self, "_data", None) is not None:
            _in_memory -= self.size
        elif getattr(self, "_file", None) is not None and self._file is not None:
            self._file.release()
