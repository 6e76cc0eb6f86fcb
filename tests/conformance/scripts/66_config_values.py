"""What values of all kinds become in the config."""
# points: 5

import dataclasses
import enum

import numpy as np
from conformance import say, tried, wandb


class Kind(enum.Enum):
    """An enum."""

    A = "a"


@dataclasses.dataclass
class Options:
    """Some options."""

    lr: float = 0.5


class Thing:
    """Nothing that JSON knows."""

    def __str__(self) -> str:
        """Always the same."""
        return "a thing"


run = wandb.init(id="c66", name="values", config={"tuple": (1, (2, 3)), "array": np.ones((2, 2)), "enum": Kind.A, "text": "x" * 1000})
for what, value in {
    "dataclass": Options(),
    "object": Thing(),
    "function": len,
    "type": int,
    "numbers as keys": {1: 2},
    "large": np.arange(1000),
}.items():
    with tried(what):
        run.config[what] = value
say("reads", [str(run.config["tuple"]), str(run.config["enum"])])
run.log({"x": 1})
run.finish()
