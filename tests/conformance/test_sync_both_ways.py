"""Files of runs are common ground: the real `wandb sync` takes ours, and `wandbd sync` takes theirs as the real one does."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from catalogue import Script
from compare import Difference, differences
from differences import SYNCED_BY_BOTH, SYNCED_BY_THEIRS, Allowed
from harness import Backend, Home
from harness.places import PYTHON, WANDBD
from sides import Both, Side, read

AT_ONCE = 2
MARKS = (".synced", ".cursor", ".opened", ".quarantine", ".syncstate")


class Desk:
    """A server that gets runs by one of the two tools."""

    def __init__(self, tool: list[str]) -> None:
        """Start the server."""
        self.home = Home()
        self.backend = Backend(self.home)
        self.tool = tool

    def copy(self, folder: Path, under: str) -> Path:
        """Return a copy of a run's folder without what tells that it was sent."""
        copy = self.home.root / "copies" / under / folder.name
        shutil.copytree(folder, copy, symlinks=True)
        for path in copy.glob("*.wandb.*"):
            if path.name.endswith(MARKS):
                path.unlink()
        return copy

    def send(self, folders: list[Path]) -> None:
        """Send folders by one call of the tool, in their order."""
        done = subprocess.run(
            [*self.tool, *map(str, folders)],
            env=self.home.environment(self.backend.environment()),
            cwd=self.home.work,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def close(self) -> None:
        """End everything."""
        self.home.close()


THEIR_TOOL = [PYTHON, "-m", "wandb", "sync", "--include-online"]
OUR_TOOL = [str(WANDBD), "sync"]


def _folders(side: Side, script: Script) -> list[Path]:
    """Return the folders of a script's runs that hold a journal, the oldest first."""
    work = side.ended[script.name].work
    found = [path.parent for path in work.rglob("*.wandb") if path.is_file()]
    if side.module == "wandbd":
        ids = {short["name"] for short in side.backend.runs() if short["project"] in script.projects}
        found += [path.parent for path in side.home.journals() if path.stem.removeprefix("run-") in ids]
    found = [folder for folder in found if not list(folder.glob("*.forbidden"))]  # nobody may send these
    return sorted(found, key=lambda folder: folder.name)  # the time of the start is in the name


def _all(desk: Desk, side: Side, scripts: list[Script]) -> None:
    """Send the first folders of all scripts, then the second ones, and so on: one call of the tool sends all at the same time."""
    copies = [[desk.copy(folder, script.name) for folder in _folders(side, script)] for script in scripts]
    for turn in range(max(map(len, copies))):
        folders = [found[turn] for found in copies if len(found) > turn]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(desk.send, filter(None, (folders[first::AT_ONCE] for first in range(AT_ONCE)))):
                pass


def _unexpected(table: tuple[Allowed, ...], script: str, found: list[Difference], used: set[Allowed]) -> list[str]:
    lines = []
    for difference in found:
        covering = [entry for entry in table if entry.covers(script, difference.field)]
        used.update(covering)
        if not covering:
            lines.append(f"{script} {difference}")
    return lines


def _check(table: tuple[Allowed, ...], both: Both, pairs: dict[str, tuple[Any, Any]]) -> None:
    used: set[Allowed] = set()
    lines = [line for name, (left, right) in pairs.items() for line in _unexpected(table, name, list(differences(left, right)), used)]
    assert not lines, f"{len(lines)} differences:\n" + "\n".join(lines)
    stale = [entry for entry in table if entry not in used and any(fnmatchcase(name, entry.script) for name in pairs)]
    assert not stale, f"no longer different, to be removed from differences.py: {stale}"


def test_the_real_sync_delivers_all_our_journals(both: Both) -> None:
    # Given copies of the journals of all runs that went through wandbd
    desk = Desk(THEIR_TOOL)
    try:
        # When the real tool sends them to another server
        _all(desk, both.ours, both.scripts)

        # Then they are there as they are on the first one
        pairs = {}
        for script in both.scripts:
            replaced = both.ours.replaced(script) | {desk.backend.url: "<server>"}
            _, sent = read(desk.backend, script, replaced)
            pairs[script.name] = (both.ours.runs(script)["runs"], sent)
        _check(SYNCED_BY_THEIRS, both, pairs)
    finally:
        desk.close()


def test_our_sync_sends_their_offline_runs_as_the_real_sync_does(both: Both) -> None:
    # Given copies of offline runs of the real SDK
    scripts = [script for script in both.scripts if script.name in both.offline.ended]
    if not scripts:
        pytest.skip("the chosen scripts all need a server")
    ours, theirs = Desk(OUR_TOOL), Desk(THEIR_TOOL)
    try:
        # When each tool sends all to a server of its own
        for desk in (theirs, ours):
            _all(desk, both.offline, scripts)

        # Then both servers have the same runs
        pairs = {}
        for script in scripts:
            read_by = []
            for desk in (theirs, ours):
                replaced = both.offline.replaced(script) | {desk.backend.url: "<server>", str(desk.home.root): "<desk>"}
                read_by.append(read(desk.backend, script, replaced)[1])
            pairs[script.name] = (read_by[0], read_by[1])
        _check(SYNCED_BY_BOTH, both, pairs)
    finally:
        ours.close()
        theirs.close()
