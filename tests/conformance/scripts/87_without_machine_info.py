"""Nothing about the machine where that is turned off."""
# points: 1 7
# env: WANDB_X_DISABLE_MACHINE_INFO=true

from conformance import wandb

run = wandb.init(id="c87", name="no machine")
run.log({"x": 1})
run.finish()
