"""Carriage returns overwrite, as a progress bar does."""
# points: 6

import sys

from conformance import wandb

run = wandb.init(id="c70", name="returns")
print("first line")
for i in range(11):
    sys.stdout.write(f"\rprogress {i * 10:3d} %")
    sys.stdout.flush()
print()
print("line with\rcarriage")
sys.stdout.write("one\ntwo\n\nfour")
sys.stdout.write(" and on")
sys.stdout.write("\n")
print("last line")
run.log({"x": 1})
run.finish()
