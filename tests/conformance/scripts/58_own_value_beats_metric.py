"""A value that the user wrote to the summary is not aggregated over."""
# points: 4

from conformance import wandb

run = wandb.init(id="c58", name="own value")
run.define_metric("loss", summary="min")
run.define_metric("acc", summary="max")
run.log({"loss": 3, "acc": 1})
run.summary["loss"] = 100
run.log({"loss": 2, "acc": 2})
run.log({"loss": 1, "acc": 3})
run.summary["acc"] = {"max": -1}
run.finish()
