"""A second run under the id of a finished one, without `resume`."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import say, wandb

run = wandb.init(id="c16", name="first", config={"a": 1})
run.log({"x": 1})
run.log({"x": 2})
run.finish()
run = wandb.init(id="c16", name="second", config={"b": 2})
say("second", [run.resumed, run.step])
run.log({"x": 3})
run.finish()
