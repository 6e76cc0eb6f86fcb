"""The daemon's executable: where it lies, and the command `wandbd`."""

from __future__ import annotations

import os
import sys


def find_daemon() -> str | None:
    """Path of the daemon: WANDBD_BIN, else the one in this package, else one in PATH; None if there is none."""
    said = os.environ.get("WANDBD_BIN")
    if said:
        return os.path.abspath(said)
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "wandbd")
    if os.access(inside, os.X_OK):
        return inside
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder or ".", "wandbd")
        if os.path.isfile(path) and os.access(path, os.X_OK) and not _is_script(path):
            return os.path.abspath(path)
    return None


def _is_script(path: str) -> bool:
    """Whether it begins with `#!`: then it is the command of a Python package, perhaps this one."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def main() -> None:
    """Become the daemon's executable, with the arguments of the command line."""
    if sys.argv[1:2] == ["run"]:
        from wandbd import _replace

        _replace.run(sys.argv[2:])
    path = find_daemon()
    if path is None:
        sys.stderr.write("wandbd: the daemon's executable was not found; set WANDBD_BIN to its path\n")
        sys.exit(127)
    try:
        os.execv(path, [path, *sys.argv[1:]])
    except OSError as error:
        sys.stderr.write(f"wandbd: cannot run {path}: {error.strerror}\n")
        sys.exit(126)
