"""A script written for W&B leaves the same run after `import wandbd as wandb`."""

from collections.abc import Iterator

import pytest

from catalogue import POINTS, Script, scripts
from compare import Difference, differences
from differences import ALLOWED, Allowed
from sides import Both

TABLE: dict[str, str] = {}
"""What the table at the end says of each script."""


def _split(script: str, found: list[Difference]) -> tuple[list[Difference], list[Allowed]]:
    """Return what nobody allowed, and what was allowed ."""
    unexpected, used = [], []
    for difference in found:
        covering = [entry for entry in ALLOWED if entry.covers(script, difference.field)]
        if covering:
            used.extend(covering)
        else:
            unexpected.append(difference)
    return unexpected, used


@pytest.fixture(scope="module")
def used() -> Iterator[set[Allowed]]:
    """Allowed differences that did occur."""
    yield set()


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.name)
def test_the_run_is_the_same(script: Script, both: Both, used: set[Allowed]) -> None:
    if script.name not in both.theirs.ended:
        pytest.skip("not chosen by CONFORMANCE_ONLY")
    # Given the script through both modules
    theirs, ours = both.theirs.ended[script.name], both.ours.ended[script.name]
    assert theirs.code == script.exit, f"through wandb it ended with {theirs.code}:\n{theirs.text}"

    # When its runs are compared
    TABLE[script.name] = "the script failed"
    found = list(differences(both.theirs.runs(script), both.ours.runs(script)))
    unexpected, covering = _split(script.name, found)
    used.update(covering)
    words = [f"{len(unexpected)} differences" if unexpected else "equal"]
    words += [f"{len(covering)} allowed"] if covering else []
    TABLE[script.name] = ", ".join(words)

    # Then they are equal but for what is allowed
    lines = "\n".join(map(str, unexpected))
    assert not unexpected, f"{len(unexpected)} differences:\n{lines}\n--- {both.ours.unsettled}\n--- through wandbd it said:\n{ours.text}"


def test_every_allowed_difference_still_occurs(both: Both, used: set[Allowed]) -> None:
    chosen = [script.name for script in both.scripts]
    if len(chosen) < len(scripts()):
        pytest.skip("only some scripts were run")
    stale = [f"{entry.script} {entry.field}: {entry.reason}" for entry in ALLOWED if entry not in used]
    assert not stale, "no longer different, to be removed from differences.py:\n" + "\n".join(stale)


def test_the_scripts_cover_every_point() -> None:
    covered = {point for script in scripts() for point in script.points}
    assert covered == set(POINTS), f"no script for {[POINTS[point] for point in set(POINTS) - covered]}"
    assert len(scripts()) >= 40
