"""A wide row, a long run and a large value."""
# points: 3

from conformance import wandb

run = wandb.init(id="c41", name="many")
run.log({f"k{i}": i for i in range(500)})
for i in range(1000):
    run.log({"loss": i * 0.5})
run.log({"large": "y" * 1_000_000})
run.finish()
