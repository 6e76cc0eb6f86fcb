"""A script over the compiled core, without a daemon: logs all kinds of values and prints what the core made of them."""

from __future__ import annotations

import enum
import json
import os
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))

import wandbd as wandb  # noqa: E402


class Color(enum.Enum):
    RED = 1


def values() -> dict[str, Any]:
    """One of each kind."""
    import numpy

    return {
        "float": 0.5,
        "int": 3,
        "bool": True,
        "none": None,
        "text": "t",
        "big": 2**70,
        "list": [1, [2.5, "x"], {"y": None}],
        "tuple": (1, 2),
        "nested": {"a": {"b": 1}, "empty": {}},
        "ordered": OrderedDict(a=1),
        "d.o.t/s": 1,
        "float32": numpy.float32(1.5),
        "int64": numpy.int64(7),
        "bool_": numpy.bool_(True),
        "zero_d": numpy.array(2.0),
        "array": numpy.arange(3),
        "in_list": [numpy.float32(1.5), numpy.arange(2)],
        "hist": numpy.arange(40),
        "set": {1},
        "enum": Color.RED,
        "bytes": b"x",
    }


def error(function: Any, *arguments: Any, **more: Any) -> str:
    """The error that a call raises."""
    try:
        function(*arguments, **more)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def main() -> None:
    """Log, and print one JSON object."""
    run = wandb.init(id="abc", config={"lr": 1}, settings={"silent": True, "console": "off"})
    wandb.log(values())
    steps = [run.step]
    for step, commit in ((None, None), (None, False), (9, None), (9, True), (None, None)):
        wandb.log({"x": 1}, step=step, commit=commit)
        steps.append(run.step)
    seen = {
        "values": run._core.values(),
        "steps": steps,
        "bad value": error(wandb.log, {"loss": object()}),
        "bad key": error(wandb.log, {3: 1}),
        "bad step": error(wandb.log, {"a": 1}, step="x"),
        "bad nested": error(wandb.log, {"a": {"b": [object()]}}),
        "owner": run.owner,
        "attached": json.loads(os.environ["WANDBD_RUN"])["session"] == run.session,
        "fields": error(run._core.open, {"run_id": "x", "bogus": 1}),
        "version": wandb.__version__,
        "staging": wandb._core.paths()["staging"],
    }
    sys.stdout.write(json.dumps(seen))
    sys.stdout.flush()
    os._exit(0)  # without a daemon there is nothing to finish


if __name__ == "__main__":
    main()
