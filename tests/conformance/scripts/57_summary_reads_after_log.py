"""What was logged can be read from the summary at once."""
# points: 4

from conformance import say, wandb

run = wandb.init(id="c57", name="reads")
run.define_metric("best", summary="max")
for value in (1, 3, 2):
    run.log({"loss": value, "best": value, "deep": {"x": value * 10}, "text": f"t{value}"})
    say(f"after {value}", [run.summary["loss"], run.summary["best"]["max"], run.summary["deep"]["x"], run.summary["text"]])
run.log({"open": 1}, commit=False)
say("open", run.summary.get("open"))
run.log({"open": 2}, step=50)
say("explicit", run.summary.get("open"))
say("step", [run.summary.get("_step"), run.summary["_runtime"] >= 0])
run.finish()
