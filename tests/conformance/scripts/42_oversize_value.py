"""A value that is longer than a line may be."""
# points: 3 4

from conformance import wandb

run = wandb.init(id="c42", name="oversize")
run.log({"loss": 1})
run.log({"loss": 2, "huge": "z" * 11_000_000})
run.log({"loss": 3})
run.finish()
