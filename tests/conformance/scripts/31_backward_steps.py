"""Steps that go back are dropped; the same step goes on."""
# points: 3

from conformance import wandb

run = wandb.init(id="c31", name="backward")
run.log({"a": 1}, step=5)
run.log({"b": 2}, step=3)
run.log({"c": 3}, step=5)
run.log({"d": 4}, step=9, commit=True)
run.log({"e": 5}, step=9)
run.log({"f": 6})
run.log({"g": 7}, step=0)
run.log({}, step=20)
run.log({"h": 8}, step=21)
run.finish()
