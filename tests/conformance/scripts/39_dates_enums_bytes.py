"""Dates, enums, bytes, tuples, sets, None, paths and other things that Python has."""
# points: 3 5

import datetime
import enum
import pathlib
from collections import OrderedDict, defaultdict, namedtuple

from conformance import wandb


class Colour(enum.Enum):
    """An enum."""

    RED = 1
    BLUE = "b"


class Number(enum.IntEnum):
    """An enum of numbers."""

    TWO = 2


Pair = namedtuple("Pair", "a b")
when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678)
run = wandb.init(
    id="c39",
    name="things",
    config={
        "when": when,
        "day": when.date(),
        "colour": Colour.RED,
        "path": pathlib.Path("/a/b"),
        "pair": (1, 2),
        "set": {3},
        "none": None,
        "bytes": b"b",
    },
)
run.log({"when": when, "day": when.date(), "zone": when.replace(tzinfo=datetime.timezone.utc)})
run.log({"colour": Colour.RED, "blue": Colour.BLUE, "two": Number.TWO})
run.log({"bytes": b"text", "none": None, "tuple": (1, 2, (3,)), "pair": Pair(1, 2)})
run.log({"set": {5}, "frozen": frozenset([6]), "ordered": OrderedDict(b=1, a=2), "default": defaultdict(int, x=1), "range": [*range(3)]})
run.log({"long text": "x" * 5000, "empty text": "", "unicode": "héllo 🌍", "lines": "a\nb\tc"})
run.finish()
