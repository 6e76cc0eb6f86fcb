"""Every mixture of step and commit, as training loops write them."""
# points: 3

from conformance import say, wandb

run = wandb.init(id="c43", name="mixture")
for i in range(4):
    run.log({"batch": i}, commit=False)
    run.log({"loss": i / 2}, commit=(i % 2 == 0))
run.log({"val": 1}, step=run.step)
run.log({"val2": 2}, step=run.step)
run.log({"next": 3}, step=run.step + 1)
run.log({"then": 4}, commit=True)
say("step", run.step)
run.log({"negative": 5}, step=-1)
run.log({"end": 6})
say("step", run.step)
run.finish()
