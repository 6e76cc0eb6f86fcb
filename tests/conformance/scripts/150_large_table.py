"""More rows than the file of a run holds."""
# points: 13

from conformance import wandb

run = wandb.init(id="c150", name="large table")
run.log({"large": wandb.Table(columns=["n", "t"], data=[[number, f"row {number}"] for number in range(10_005)])})
run.finish()
