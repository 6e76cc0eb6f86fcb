"""Runs one after the other in one process, with random ids."""
# points: 2

from conformance import say, wandb

ids = set()
for i in range(3):
    run = wandb.init(name=f"number {i}", config={"number": i})
    ids.add(run.id)
    run.log({"x": i})
    run.finish()
say("ids", [len(ids), {len(name) for name in ids} == {8}])
