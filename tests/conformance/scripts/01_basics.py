"""A plain run: rows, config and a summary value."""
# points: 2 3 4 5

from conformance import say, wandb

run = wandb.init(id="c01", name="plain", config={"lr": 0.1, "layers": [1, 2, 3]})
for i in range(10):
    run.log({"loss": 1 / (i + 1), "epoch": i, "word": f"w{i}"})
run.summary["verdict"] = "good"
print("a line of the console")
say("step", run.step)
run.finish()
