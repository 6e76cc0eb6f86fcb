"""Fixtures: a home for every test, one backend for all, faults on demand; and nothing is left running."""

import os
import zlib
from collections.abc import Callable, Iterator

import pytest

import snapshot

snapshot.take()

from harness import Backend, Chaos, Home  # noqa: E402 (they look where the snapshot lies)

SEEDS = int(os.environ.get("WANDBD_SEEDS", "20"))
"""How many seeds the random tests go through: 20 in CI; `WANDBD_SEEDS=1000` for a night."""


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """One embedded server for all tests that do not stop it; each test uses run ids of its own."""
    home = Home()
    server = Backend(home)
    yield server
    server.stop()
    home.close()


@pytest.fixture
def make_home(request: pytest.FixtureRequest) -> Iterator[Callable[..., Home]]:
    """Makes homes; after the test all that runs in them is ended."""
    homes: list[Home] = []

    def make(environment: dict[str, str] | None = None) -> Home:
        home = Home(environment)
        homes.append(home)
        return home

    request.node.homes = homes
    yield make
    for home in homes:
        home.close()


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend) -> Home:
    """A home whose trainers log to the shared backend."""
    return make_home(backend.environment())


@pytest.fixture
def chaos(backend: Backend) -> Iterator[Chaos]:
    """A proxy before the shared backend."""
    proxy = Chaos(backend.url)
    yield proxy
    proxy.close()


@pytest.fixture
def run_id(request: pytest.FixtureRequest) -> str:
    """An id for the run of this test that no other test uses."""
    words = request.node.name.split("[")
    short = "".join(word[0] for word in words[0].removeprefix("test_").split("_") if word)
    return f"{short}-{zlib.crc32(request.node.nodeid.encode()):08x}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A red test shows what its daemons logged."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.when == "call" and report.failed:
        for home in getattr(item, "homes", []):
            for log in sorted(path for path in home.files() if path.name == "daemon.log"):
                tail = log.read_text(errors="replace")[-6000:]
                if tail:
                    report.sections.append((f"{log.relative_to(home.root)} of {home.root}", tail))
    return report  # type: ignore[return-value]
