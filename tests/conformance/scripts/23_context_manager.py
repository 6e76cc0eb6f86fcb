"""`with` ends a run: well, or as failed."""
# points: 2 8
# online:

from conformance import say, wandb

with wandb.init(id="c23a", name="well") as run:
    run.log({"x": 1})
try:
    with wandb.init(id="c23b", name="badly") as run:
        run.log({"x": 1})
        raise ValueError("as the test wants it")
except ValueError:
    say("raised", True)
