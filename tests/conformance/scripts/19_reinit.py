"""`reinit`: the previous run is returned, finished, or accompanied by another."""
# points: 2
# online:

from conformance import say, wandb

first = wandb.init(id="c19a", name="first")
first.log({"x": 1})
say("default", wandb.init(id="c19z") is first)
say("return", wandb.init(id="c19z", reinit="return_previous") is first)
say("false", wandb.init(id="c19z", reinit=False) is first)
second = wandb.init(id="c19b", name="second", reinit="finish_previous")
say("another", second is not first)
third = wandb.init(id="c19c", name="third", reinit="create_new")
say("current", wandb.run is second)
for run, value in ((second, 2), (third, 3), (second, 4), (third, 5)):
    run.log({"x": value})
third.finish()
fourth = wandb.init(id="c19d", name="fourth", reinit=True)
fourth.log({"x": 6})
fourth.finish()
