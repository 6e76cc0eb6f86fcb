"""No console where it is turned off."""
# points: 1 6
# env: WANDB_CONSOLE=off

from conformance import wandb

run = wandb.init(id="c74", name="off")
print("nobody sees this")
run.log({"x": 1})
run.finish()
