"""Artifacts are common ground: the real API downloads ours, and ours downloads theirs, byte for byte."""

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest

from harness.places import PYTHON
from sides import Both, Side

FETCHER = Path(__file__).with_name("fetcher.py")
MOST_FILES = 1000
"""A version with more of them takes its time and shows nothing new."""


def _versions(side: Side) -> dict[str, dict[str, str]]:
    """Return all committed versions without references to other places: their files, with the digests that the server has."""
    found = {}
    for short in side.backend.runs():
        for item in side.backend.run(short["name"])["artifacts"]:
            files = item["files"]
            here = all(file["url"].startswith(("/", side.backend.url)) for file in files)
            if item["state"] == "COMMITTED" and here and len(files) <= MOST_FILES:
                name = f"{short['entity']}/{short['project']}/{item['name']}:{item['version']}"
                found[name] = {file["name"]: file["md5"] for file in files}
    return found


@pytest.mark.parametrize(("module", "of"), [("wandb", "wandbd"), ("wandbd", "wandb")])
def test_artifacts_of_the_one_are_downloaded_by_the_other(module: str, of: str, both: Both, tmp_path: Path) -> None:
    # Given all versions that scripts have logged by one module
    side = both.ours if of == "wandbd" else both.theirs
    versions = _versions(side)
    if not versions:
        pytest.skip("the chosen scripts log no artifacts")

    # When the other module downloads and verifies them
    daemon = {"WANDBD_AUTOSTART": "1"} if module == "wandbd" else {}
    done = subprocess.run(
        [PYTHON, str(FETCHER), module, str(tmp_path), *versions],
        env=both.ours.home.environment(side.backend.environment()) | daemon,
        cwd=both.ours.home.work,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    # Then each file is what was uploaded
    for number, (name, files) in enumerate(versions.items()):
        folder = tmp_path / str(number)
        fetched = {str(path.relative_to(folder)): _md5(path) for path in folder.rglob("*") if path.is_file()}
        assert fetched == files, name


def _md5(path: Path) -> str:
    return base64.b64encode(hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()).decode()
