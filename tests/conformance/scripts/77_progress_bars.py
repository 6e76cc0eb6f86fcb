"""A bar that draws itself on stderr, in the way of tqdm, and lines above it."""
# points: 6

import sys

from conformance import wandb

run = wandb.init(id="c77", name="bars")
for i in range(5):
    sys.stderr.write(f"\r{i * 25:3d}%|{'#' * i:4s}| {i}/4 ")
    sys.stderr.flush()
sys.stderr.write("\n")
sys.stdout.write("Epoch 1/2\n")
for i in range(3):
    sys.stdout.write("\b" * 30 + "\r" + f"{i + 1}/3 [{'=' * (i + 1):3s}] loss: 0.{i}")
sys.stdout.write("\n")
print("done")
run.log({"x": 1})
run.finish()
