"""Rows in pieces: `commit=False`, explicit steps, and both."""
# points: 3

from conformance import say, wandb

run = wandb.init(id="c30", name="pieces")
run.log({"a": 1}, commit=False)
say("step", run.step)
run.log({"b": 2})
say("step", run.step)
run.log({"a": 3}, step=5)
say("step", run.step)
run.log({"b": 4}, step=5)
run.log({"c": 5}, step=5, commit=True)
say("step", run.step)
run.log({"a": 6}, step=9)
run.log({"a": 7}, step=12, commit=True)
run.log({"a": 8})
run.log({"last": 9}, commit=False)
run.finish()
