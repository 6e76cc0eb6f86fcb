"""Objects without a JSON form, and calls of `log` that cannot be."""
# points: 3

import decimal
import fractions
import pathlib

from conformance import tried, wandb


class Thing:
    """Nothing that JSON knows."""

    def __repr__(self) -> str:
        """Always the same."""
        return "<thing>"


run = wandb.init(id="c40", name="odd")
run.log({"x": 1})
for what, value in {
    "object": Thing(),
    "function": len,
    "complex": 1 + 2j,
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "path": pathlib.Path("/a/b"),
    "type": int,
    "generator": (i for i in range(3)),
    "object in list": [Thing()],
}.items():
    with tried(what):
        run.log({what: value})
with tried("a text"):
    run.log("loss")
with tried("a list"):
    run.log([1, 2])
with tried("a number as key"):
    run.log({1: 2})
with tried("none as data"):
    run.log(None)
with tried("a number as key below"):
    run.log({"deep": {1: 2}})
with tried("step as float"):
    run.log({"y": 1}, step=50.0)
with tried("step as text"):
    run.log({"y": 1}, step="60")
run.log({"last": 1}, step=100)
run.finish()
