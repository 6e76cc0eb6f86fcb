"""Config from a YAML file, and config-defaults.yaml in the working directory."""
# points: 5

from conformance import say, wandb

with open("config-defaults.yaml", "w") as file:
    file.write("wandb_version: 1\nlr:\n  desc: rate\n  value: 0.5\nfrom_defaults:\n  desc: null\n  value: yes\ndeep:\n  value:\n    a: 1\n")
run = wandb.init(id="c63a", name="defaults", config={"lr": 0.1})
say("config", dict(run.config))
run.log({"x": 1})
run.finish()
with open("mine.yaml", "w") as file:
    file.write("wandb_version: 1\nalpha:\n  value: 3\nbeta:\n  desc: text\n  value: [1, 2]\n")
run = wandb.init(id="c63b", name="file", config="mine.yaml")
say("config", dict(run.config))
run.log({"x": 1})
run.finish()
