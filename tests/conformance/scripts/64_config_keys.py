"""Only some keys of a config, or all but some."""
# points: 5

from conformance import say, wandb

everything = {"a": 1, "b": 2, "c": {"d": 3}}
run = wandb.init(id="c64a", name="include", config=everything, config_include_keys=["a", "c"])
say("include", dict(run.config))
run.finish()
run = wandb.init(id="c64b", name="exclude", config=everything, config_exclude_keys=["c"])
say("exclude", dict(run.config))
run.config.update({"late": 1})
run.finish()
