"""`resume_from` takes a run back to a step."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import say, wandb

run = wandb.init(id="c17", name="rewind", config={"a": 1})
for i in range(6):
    run.log({"loss": i})
run.finish()
run = wandb.init(resume_from="c17?_step=2", config={"b": 2})
say("rewound", [run.id, run.step, run.starting_step, run.resumed])
for i in range(2):
    run.log({"loss": 100 + i})
run.finish()
