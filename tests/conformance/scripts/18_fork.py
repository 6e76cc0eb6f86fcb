"""`fork_from` starts a new run from a step of another."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import say, wandb

run = wandb.init(id="c18", name="trunk", config={"a": 1})
for i in range(6):
    run.log({"loss": i})
run.finish()
run = wandb.init(id="c18-fork", name="branch", fork_from="c18?_step=3", config={"b": 2})
say("forked", [run.id, run.step, run.starting_step, run.resumed])
for i in range(2):
    run.log({"loss": 100 + i})
run.finish()
