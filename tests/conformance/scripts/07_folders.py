"""WANDB_DIR says where the folder of runs lies; `.wandb` is taken where it exists."""
# points: 1 2
# online:
# env: WANDB_DIR={work}/elsewhere

import os

from conformance import relative, say, wandb

os.makedirs("elsewhere")
run = wandb.init(id="c07a", name="elsewhere")
say("dir", relative(run.dir))
say("exists", os.path.isdir(run.dir))
run.log({"x": 1})
run.finish()
del os.environ["WANDB_DIR"]
os.makedirs("hidden/.wandb")
run = wandb.init(id="c07b", name="hidden", dir="hidden")
say("dir", relative(run.dir))
run.log({"x": 1})
run.finish()
