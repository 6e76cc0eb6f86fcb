"""Name, notes and tags change while the run goes on."""
# points: 2

from conformance import say, wandb

run = wandb.init(id="c09", name="first", notes="first", tags=["a"])
run.log({"x": 1})
run.name = "second"
run.notes = "second\nline"
run.tags = run.tags + ("b",)
run.log({"x": 2})
run.tags += ("c",)
say("facts", [run.name, run.notes, list(run.tags)])
run.finish()
