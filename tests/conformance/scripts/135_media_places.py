"""Media in nested dicts and in the summary, the same object twice, steps that are given, rows that are built up."""
# points: 12

from typing import Any

import numpy as np
from conformance import wandb


def picture(number: int) -> Any:
    """Return a gray picture."""
    return wandb.Image(np.full((3, 3), number, np.uint8))


run = wandb.init(id="c135", name="places")
run.log({"a": {"b": {"c": picture(1)}, "n": 2}})
same = picture(2)
run.log({"first": same, "second": same})
run.log({"first": same})
run.log({"stepped": picture(3)}, step=10)
run.log({"late": picture(4)}, step=10)
run.log({"part": picture(5)}, commit=False)
run.log({"rest": 1})
run.log({"loss": 0.5, "sample": picture(6), "text": "x"})
run.summary["best"] = picture(7)
run.summary["hist"] = wandb.Histogram([1, 2, 3])
run.define_metric("best/*", summary="max")
run.log({"best/picture": picture(8)})
run.finish()
