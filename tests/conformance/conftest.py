"""All scripts run once per session; the tests look at what they left."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import snapshot  # noqa: E402 (it lies beside the other end-to-end tests)

snapshot.take()

from catalogue import scripts  # noqa: E402 (they look where the snapshot lies)
from sides import Both  # noqa: E402


@pytest.fixture(scope="session")
def both() -> Iterator[Both]:
    """Both sides after all scripts. CONFORMANCE_ONLY=01,30 runs only the scripts that begin so."""
    only = tuple(filter(None, os.environ.get("CONFORMANCE_ONLY", "").split(",")))
    chosen = [script for script in scripts() if not only or script.name.startswith(only)]
    result = Both(chosen)
    yield result
    result.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table: one line per script."""
    table: dict[str, str] = getattr(sys.modules.get("test_runs"), "TABLE", {})
    if table:
        terminalreporter.section("wandb 0.31 and wandbd, script by script")
        for name, words in table.items():
            terminalreporter.line(f"{name:32} {words}")
        equal = sum(words.startswith("equal") for words in table.values())
        terminalreporter.line(f"{equal} of {len(table)} scripts leave the same runs")
