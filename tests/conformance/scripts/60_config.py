"""Config: nested, updated, read by item, attribute and method."""
# points: 5

from conformance import outcome, say, tried, wandb

run = wandb.init(id="c60", name="config", config={"lr": 0.1, "net": {"depth": 3, "width": [1, 2]}, "flag": False, "none": None})
run.config["epochs"] = 5
run.config.batch = 32
run.config.update({"net": {"depth": 4}, "late": {"x": 1}}, allow_val_change=True)
run.config.setdefaults({"lr": 0.2, "momentum": 0.9})
with tried("change"):
    run.config["lr"] = 0.3
with tried("change by attribute"):
    run.config.lr = 0.3
with tried("change by update"):
    run.config.update({"lr": 0.3})
with tried("same value"):
    run.config["lr"] = 0.1
outcome("missing item", lambda: run.config["never"])
outcome("missing attribute", lambda: run.config.never)
say("reads", [run.config["lr"], run.config.epochs, run.config.get("never", 7), run.config["net"], "lr" in run.config])
say("keys", sorted(run.config.keys()))
say("items", sorted((key, str(value)) for key, value in run.config.items()))
say("dict", run.config.as_dict())
say("dict of it", dict(run.config))
run.log({"x": 1})
run.finish()
