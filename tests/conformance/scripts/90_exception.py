"""A script that dies of an exception."""
# points: 8
# online:
# exit: 1

from conformance import wandb

run = wandb.init(id="c90", name="exception")
run.log({"x": 1})
print("about to fail")
raise RuntimeError("as the test wants it")
