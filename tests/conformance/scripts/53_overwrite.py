"""Definitions add up, and are replaced by `overwrite`."""
# points: 4

from conformance import wandb

run = wandb.init(id="c53", name="overwrite")
run.define_metric("x", summary="min")
run.define_metric("x", summary="max")
run.define_metric("y", summary="min", step_metric="x")
run.define_metric("y", summary="max", overwrite=True)
run.define_metric("z", hidden=True, summary="mean")
run.define_metric("z", step_metric="x", step_sync=False)
for value in (2, 1, 3):
    run.log({"x": value, "y": value, "z": value})
run.finish()
