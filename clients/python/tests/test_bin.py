"""Finding the daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wandbd
from wandbd import _bin

SOURCES = str(Path(wandbd.__file__).parent.parent)


def executable(path: Path, text: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.chmod(0o755)
    return str(path)


def test_the_variable_comes_first_then_the_package_then_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_path = executable(tmp_path / "bin" / "wandbd", b"\x7fELF")
    monkeypatch.setattr(_bin, "__file__", str(tmp_path / "package" / "_bin.py"))
    monkeypatch.setenv("PATH", os.path.dirname(in_path))
    assert _bin.find_daemon() == in_path
    inside = executable(tmp_path / "package" / "bin" / "wandbd", b"\x7fELF")
    assert _bin.find_daemon() == inside
    monkeypatch.setenv("WANDBD_BIN", "/x/wandbd")
    assert _bin.find_daemon() == "/x/wandbd"


def test_the_command_of_this_package_is_not_taken_for_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = executable(tmp_path / "bin" / "wandbd", b"#!/usr/bin/python3\n")
    monkeypatch.setattr(_bin, "__file__", str(tmp_path / "package" / "_bin.py"))
    monkeypatch.setenv("PATH", os.path.dirname(script))
    assert _bin.find_daemon() is None


def test_the_command_becomes_the_daemon(tmp_path: Path) -> None:
    daemon = executable(tmp_path / "daemon", b'#!/bin/sh\necho "$@"; exit 7\n')
    environ = {"WANDBD_BIN": daemon, "PYTHONPATH": SOURCES}
    done = subprocess.run(
        [sys.executable, "-m", "wandbd", "status", "--json"], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, "status --json\n")


def test_a_missing_daemon_is_a_clear_message(tmp_path: Path) -> None:
    environ = {"WANDBD_BIN": str(tmp_path / "none"), "PYTHONPATH": SOURCES}
    done = subprocess.run([sys.executable, "-m", "wandbd"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 126
    assert done.stderr == f"wandbd: cannot run {tmp_path}/none: No such file or directory\n"
