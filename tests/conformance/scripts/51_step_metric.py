"""A step metric of one's own, with and without synchronisation."""
# points: 4

from conformance import wandb

run = wandb.init(id="c51", name="axis")
run.define_metric("epoch")
run.define_metric("acc", step_metric="epoch", summary="max")
run.define_metric("loose", step_metric="epoch", step_sync=False)
run.define_metric("undefined axis", step_metric="clock")
run.log({"acc": 0.1})
run.log({"epoch": 1})
run.log({"acc": 0.2})
run.log({"loose": 0.3})
run.log({"epoch": 2, "acc": 0.4})
run.log({"acc": 0.3, "loose": 1, "undefined axis": 2})
run.finish()
