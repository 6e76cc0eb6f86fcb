"""Families of metrics, hidden ones, and one that is defined by itself besides."""
# points: 4

from conformance import wandb

run = wandb.init(id="c52", name="globs")
run.define_metric("val/step")
run.define_metric("val/*", step_metric="val/step", summary="max")
run.define_metric("val/special", summary="min")
run.define_metric("hidden/*", hidden=True)
run.define_metric("secret", hidden=True)
run.log({"val/step": 10, "val/acc": 0.5, "val/special": 3, "hidden/x": 1, "secret": 2, "train": 1})
run.log({"val/acc": 0.4, "val/special": 2, "train": 2})
run.log({"val/step": 11, "val/acc": 0.9, "val/special": 5})
run.finish()
