"""What a finished run refuses."""
# points: 2
# online:

from conformance import tried, wandb

run = wandb.init(id="c28", name="over", config={"a": 1})
run.log({"x": 1})
run.finish()
run.finish()
with tried("log"):
    run.log({"x": 2})
with tried("config"):
    run.config["b"] = 1
with tried("summary"):
    run.summary["b"] = 1
with tried("define_metric"):
    run.define_metric("x")
with tried("alert"):
    run.alert("t", "x")
with tried("save"):
    run.save("nothing")
with tried("name"):
    run.name = "other"
