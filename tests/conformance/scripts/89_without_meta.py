"""No metadata file where it is turned off, and none of the git state."""
# points: 1 7
# env: WANDB_X_DISABLE_META=true

from conformance import wandb

run = wandb.init(id="c89", name="no meta", settings=wandb.Settings(x_save_requirements=False))
run.log({"x": 1})
run.finish()
