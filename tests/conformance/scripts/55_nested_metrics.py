"""Definitions for nested values, and names with dots."""
# points: 4

from conformance import wandb

run = wandb.init(id="c55", name="nested")
run.define_metric("deep.loss", summary="min")
run.define_metric("deep.*", summary="max")
run.define_metric("dotted\\.name", summary="min")
for value in (2, 1, 3):
    run.log({"deep": {"loss": value, "acc": value}, "dotted.name": value})
run.finish()
