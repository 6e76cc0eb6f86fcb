"""A run that is about to be preempted says so."""
# points: 8
# online:

from conformance import wandb

run = wandb.init(id="c96", name="preempting")
run.log({"x": 1})
run.mark_preempting()
run.log({"x": 2})
run.finish(exit_code=1)
