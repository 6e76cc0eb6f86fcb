"""Every test gets its own HOME, working directory and environment, and a core that records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "python"))

import fake_core  # noqa: E402
import wandbd  # noqa: E402
from wandbd import _core_access, _exit, _registry, _setup, _term  # noqa: E402

_OURS = ("WANDB", "CI", "SLURM_", "KUBERNETES_", "NETRC", "HTTP", "http", "NO_PROXY", "no_proxy", "SSL_", "REQUESTS_")


def forget_everything() -> None:
    """Make this process one that has never called `init`."""
    for run in _registry.runs():
        run.finish()
    wandbd.__dict__.pop("__version__", None)
    _core_access._configured = None
    _setup.forget()
    _exit._code = 0
    _term._seen.clear()


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    yield


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """The recording core in place of the compiled one."""
    staging = tmp_path / "state" / "staging"
    staging.mkdir(parents=True)
    fake_core.reset(str(staging))
    monkeypatch.setitem(sys.modules, "wandbd._core", fake_core)
    monkeypatch.setattr(wandbd, "_core", fake_core, raising=False)
    forget_everything()
    yield fake_core
    forget_everything()
