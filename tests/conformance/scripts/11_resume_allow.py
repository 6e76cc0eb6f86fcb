"""A run is resumed twice by `allow`: steps go on, config and summary are inherited."""
# points: 2
# online:
# env: WANDBD_FINISH=delivered

from conformance import say, wandb

run = wandb.init(id="c11", name="first", notes="n", tags=["t"], resume="allow", config={"a": 1, "deep": {"x": 1}})
for i in range(3):
    run.log({"loss": i})
run.summary["kept"] = "yes"
print("first part")
say("first", [run.resumed, run.step, run.starting_step])
run.finish()
run = wandb.init(id="c11", resume="allow", config={"b": 2})
say("second", [run.resumed, run.step, run.starting_step, dict(run.config)])
say("inherited", [run.summary.get("kept"), run.summary.get("loss"), run.notes, list(run.tags), run.name])
run.log({"loss": 10})
run.log({"loss": 11}, step=9)
print("second part")
run.finish()
run = wandb.init(id="c11", resume="allow")
say("third", [run.resumed, run.step])
run.log({"loss": 12})
run.finish()
