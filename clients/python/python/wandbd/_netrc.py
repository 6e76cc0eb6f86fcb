"""The netrc file, in which API keys lie by the host (and port) of their server."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping


def netrc_path(environ: Mapping[str, str]) -> str:
    """The netrc file in force, whether it is there or not."""
    if environ.get("NETRC"):
        return os.path.abspath(os.path.expanduser(environ["NETRC"]))
    home = os.path.expanduser("~")
    plain, other = os.path.join(home, ".netrc"), os.path.join(home, "_netrc")
    return other if os.path.isfile(other) and not os.path.isfile(plain) else plain


def read_key(path: str, machines: list[str]) -> str | None:
    """The key of the first of the machines that has one; None also when the file cannot be read."""
    if not os.path.isfile(path):
        return None
    import netrc

    try:
        hosts = netrc.netrc(path).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None
    for name in machines:
        if name in hosts and hosts[name][2]:
            return hosts[name][2]
    return None


def write_key(path: str, machine: str, key: str) -> None:
    """Keep `key` as the machine's, and everything that belongs to other machines as it is. A new file is private.

    Raises:
        OSError: The file cannot be read or written.
    """
    path = os.path.realpath(path)
    before: list[str] = []
    mode = 0o600
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            before = file.read().splitlines()
        mode = os.stat(path).st_mode & 0o777
    kept = _without(before, machine)
    lines = [*kept, f"machine {shlex.quote(machine)}", "  login user", f"  password {shlex.quote(key)}", ""]
    draft = f"{path}.{os.getpid()}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join(lines))
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise


def _without(lines: list[str], machine: str) -> list[str]:
    """The lines that do not belong to the machine's entry."""
    kept: list[str] = []
    inside = False
    for line in lines:
        words = _words(line)
        if words[:2] == ["machine", machine]:
            inside = True
        elif words and words[0] in ("machine", "default", "macdef"):
            inside = False
        if not inside:
            kept.append(line)
    return kept


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
