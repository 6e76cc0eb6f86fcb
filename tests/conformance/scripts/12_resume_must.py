"""`must` goes on with a run that is there, and is refused where there is none."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import outcome, say, wandb

outcome("missing", wandb.init, id="c12-nowhere", resume="must")
run = wandb.init(id="c12", name="must")
run.log({"x": 1})
run.finish()
run = wandb.init(id="c12", resume="must")
say("resumed", [run.resumed, run.step])
run.log({"x": 2})
run.finish()
