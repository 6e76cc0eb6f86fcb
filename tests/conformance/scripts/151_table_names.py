"""Tables under odd keys, and in nested dicts."""
# points: 13

from typing import Any

from conformance import wandb


def table(value: int) -> Any:
    """Return a table of one cell."""
    return wandb.Table(columns=["v"], data=[[value]])


run = wandb.init(id="c151", name="table names")
run.log({"a/b c.t": table(1), "plain": table(2)})
run.log({"outer": {"inner": table(3)}})
run.log({"ümlaut": table(4), "with space": table(5)})
run.log({"x" * 90: table(6)})
run.finish()
