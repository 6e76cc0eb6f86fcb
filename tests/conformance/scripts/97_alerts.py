"""Alerts of each level."""
# points: 8
# online:

from datetime import timedelta

from conformance import outcome, wandb

run = wandb.init(id="c97", name="alerts")
run.log({"x": 1})
run.alert("first", "plain text")
run.alert(title="second", text="a warning", level=wandb.AlertLevel.WARN, wait_duration=timedelta(minutes=5))
run.alert("third", "an error", level="ERROR", wait_duration=3)
outcome("bad level", run.alert, "fourth", "text", level="LOUD")
outcome("bad wait", run.alert, "fifth", "text", wait_duration="long")
run.finish()
