"""Two trees of plain values, and where they differ."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ABSENT = "<absent>"


@dataclass(frozen=True)
class Difference:
    """One place where two runs are not the same."""

    field: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.field}: wandb {_short(self.theirs)}, wandbd {_short(self.ours)}"


def differences(theirs: Any, ours: Any, field: str = "") -> Iterator[Difference]:
    """Yield all differences, each with the path to it; parts of a path are divided by `|`."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if set(theirs) == set(ours) == {"refused"} and set(theirs["refused"]) <= set(ours["refused"]):
            return  # What catches theirs catches ours.
        for key in [*theirs, *(key for key in ours if key not in theirs)]:
            yield from differences(theirs.get(key, ABSENT), ours.get(key, ABSENT), f"{field}|{key}" if field else str(key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(left, right, f"{field}|{number}")
    elif not _same(theirs, ours):
        yield Difference(field, _text(theirs), _text(ours))


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, float) and isinstance(ours, float) and math.isnan(theirs):
        return math.isnan(ours)
    if isinstance(theirs, bool) != isinstance(ours, bool):
        return False
    return bool(theirs == ours)


def _text(value: Any) -> str:
    return value if value == ABSENT else repr(value)


def _short(text: str, most: int = 400) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]} ({len(text)} characters)"
