"""The functions and names of the module stand for the current run, and say so where there is none."""
# points: 2 3 4 5

from conformance import say, tried, wandb

with tried("log before init"):
    wandb.log({"x": 1})
with tried("summary before init"):
    wandb.summary["x"] = 1
with tried("config before init"):
    wandb.config["x"] = 1
with tried("save before init"):
    wandb.save("x")
with tried("define_metric before init"):
    wandb.define_metric("x")
wandb.init(id="c27", name="module")
wandb.define_metric("x", summary="max")
wandb.log({"x": 3})
wandb.log({"x": 1})
wandb.config["a"] = 1
wandb.config.update({"b": 2})
wandb.summary["s"] = "t"
say("run", [wandb.run.id, wandb.config["a"]])
wandb.finish()
with tried("finish twice"):
    wandb.finish()
