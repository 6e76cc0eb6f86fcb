"""Config from absl flags."""
# points: 5

from absl import flags
from conformance import say, wandb

flags.DEFINE_float("rate", 0.5, "a rate")
flags.DEFINE_string("kind", "adam", "a kind")
flags.DEFINE_list("sizes", ["1", "2"], "sizes")
flags.FLAGS(["prog", "--rate=0.25"])
run = wandb.init(id="c62", name="absl")
run.config.update(flags.FLAGS)
say("mine", [run.config["rate"], run.config["kind"], run.config["sizes"]])
run.log({"x": 1})
run.finish()
