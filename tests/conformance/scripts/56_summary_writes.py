"""The summary is written, updated, deleted and nested by the user."""
# points: 4

from conformance import outcome, say, tried, wandb

run = wandb.init(id="c56", name="summary")
run.log({"loss": 3, "acc": 0.5, "gone": 1})
run.summary["best"] = 7
run.summary.update({"a": 1, "deep": {"x": {"y": 2}}})
run.summary["deep"]["x"]["z"] = 3
run.summary.attribute = "by attribute"
del run.summary["gone"]
with tried("missing key"):
    run.summary["never"]
with tried("delete a missing key"):
    del run.summary["never"]
say("reads", [run.summary["best"], run.summary.attribute, run.summary.get("never", "default")])
outcome("nested", lambda: run.summary["deep"]["x"]["y"])
say("keys", sorted(key for key in run.summary.keys() if not key.startswith("_")))
say("has", ["best" in run.summary.keys(), "gone" in run.summary.keys()])
run.summary["loss"] = "mine"
run.log({"acc": 0.6, "loss": 4})
run.finish()
