"""`console="wrap_raw"` by a setting, and a label."""
# points: 6

from conformance import wandb

run = wandb.init(id="c78", name="raw", settings=wandb.Settings(console="wrap_raw"))
print("raw line")
print("with\rreturn")
run.log({"x": 1})
run.finish()
