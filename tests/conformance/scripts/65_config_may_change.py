"""`allow_val_change` for a whole run."""
# points: 5

from conformance import say, tried, wandb

run = wandb.init(id="c65", name="may change", config={"a": 1, "deep": {"x": 1}}, allow_val_change=True)
with tried("item"):
    run.config["a"] = 2
with tried("update"):
    run.config.update({"deep": {"y": 2}})
with tried("dict"):
    run.config["deep"] = {"z": 3}
run.config.update({"a": 3}, allow_val_change=True)
say("config", dict(run.config))
for i in range(20):
    run.config[f"k{i}"] = i
run.log({"x": 1})
run.finish()
