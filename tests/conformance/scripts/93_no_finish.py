"""A script that ends without a word, and one that leaves a row open."""
# points: 3 8

from conformance import wandb

run = wandb.init(id="c93", name="no finish")
run.log({"x": 1})
run.log({"y": 2}, commit=False)
run.summary["s"] = 1
