"""The real SDK reads the tables of our artifacts, pictures and arrays in them included, as it reads its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compare import differences
from harness.places import PYTHON
from sides import Both, Side

READER = Path(__file__).with_name("table_reader.py")
POINT = 13


def test_the_real_sdk_reads_our_tables_as_it_reads_its_own(both: Both) -> None:
    # Given the tables that both sides have logged
    projects = {script.name for script in both.scripts if POINT in script.points}
    if not projects:
        pytest.skip("not chosen by CONFORMANCE_ONLY")

    # When the real SDK reads them
    theirs, ours = _tables(both.theirs, projects), _tables(both.ours, projects)

    # Then it finds the same cells
    found = [str(difference) for difference in differences(theirs, ours)]
    assert any(isinstance(cells, list) for tables in ours.values() for cells in tables.values())
    assert not found, "\n".join(found)


def _tables(side: Side, projects: set[str]) -> dict[str, Any]:
    shorts = [short for short in side.backend.runs() if short["project"] in projects]
    paths = sorted(
        f"{short['entity']}/{short['project']}/{item['name']}:{item['version']}"
        for short in shorts
        for item in side.backend.run(short["name"])["artifacts"]
        if item["state"] == "COMMITTED"
    )
    done = subprocess.run(
        [PYTHON, str(READER), *paths],
        env=side.home.environment(side.backend.environment()),
        cwd=side.home.work,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    read: dict[str, Any] = json.loads(done.stdout)
    return read
