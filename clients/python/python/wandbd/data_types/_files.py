"""Files of the user in media: small ones are read when they are logged, large ones are kept by the daemon."""

from __future__ import annotations

import os
from typing import Any

from wandbd.data_types._held import Held

READ_MAX_BYTES = 4 << 20
_KEEP_TIMEOUT_S = 10.0
_folder: tuple[int, str] | None = None


class UserFile:
    """A file by its path. It must stay as it is until it is logged."""

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """The file is there.

        Raises:
            OSError: It is not, or cannot be read.
        """
        self.path = os.path.abspath(os.fspath(path))
        with open(self.path, "rb"):
            pass

    def fields(self, id: str) -> dict[str, Any]:
        """Fields of `Media`."""
        base = {"basename": os.path.basename(self.path)}
        if os.path.getsize(self.path) <= READ_MAX_BYTES:
            with open(self.path, "rb") as file:
                return {**base, "bytes": file.read()}
        target = _kept(self.path, id)
        return {
            **base,
            "file": {"path": self.path, "staged": False} if target is None else {"path": target, "staged": True},
        }


class Content:
    """The bytes of a file that has no other name than that of its content."""

    __slots__ = ("_held",)

    def __init__(self, data: bytes | str) -> None:
        """Hold the data; text becomes UTF-8."""
        self._held = Held(data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data))

    def fields(self, id: str) -> dict[str, Any]:
        """Fields of `Media`."""
        return {"bytes": self.read()}

    def read(self) -> bytes:
        """The data."""
        return bytes(self._held.buffer())


def _kept(path: str, id: str) -> str | None:
    """A private copy of `path` in the daemon's staging directory; None if there is no room: it is read in place."""
    global _folder
    import wandbd._core as core

    if _folder is None or _folder[0] != os.getpid():
        # Named by our process, so that the daemon knows when nobody needs it any more.
        _folder = (os.getpid(), os.path.join(core.paths()["staging"], f"{os.getpid()}-{os.urandom(16).hex()}"))
    os.makedirs(_folder[1], mode=0o700, exist_ok=True)
    target = os.path.join(_folder[1], id + os.path.splitext(path)[1])
    answer = core.stage([(path, target)], _KEEP_TIMEOUT_S)
    if answer.get("full"):
        return None
    if not answer.get("kept") or answer["kept"][0] == "NOT_KEPT":
        from shutil import copyfile

        try:
            copyfile(path, target)
        except OSError:
            return None
    return target
