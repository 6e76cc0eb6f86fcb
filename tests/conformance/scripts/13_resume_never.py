"""`never` starts a new run, and is refused where there is one."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import outcome, say, wandb

run = wandb.init(id="c13", name="never", resume="never")
say("resumed", [run.resumed, run.step])
run.log({"x": 1})
run.finish()
outcome("exists", wandb.init, id="c13", resume="never")
