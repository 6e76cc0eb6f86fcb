"""A disabled run takes everything and keeps nothing."""
# points: 2
# online:

import os

from conformance import say, wandb

run = wandb.init(id="c22", mode="disabled", config={"a": 1}, name="nobody")
run.log({"loss": 1.5, "deep": {"x": 2}})
run.log({"loss": 2.5})
run.summary["best"] = 3
run.config["b"] = 2
run.config.update({"c": 3})
run.define_metric("loss", summary="min")
say("flags", [run.disabled, run.offline, run.url])
say("config", dict(run.config))
say("summary", [run.summary.get("loss"), run.summary["best"]])
run.alert("title", "text")
run.finish()
say("left", sorted(os.listdir(".")))
