"""Config from argparse, at init and later."""
# points: 5

import argparse

from conformance import say, wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--layers", nargs="*", type=int, default=[1, 2])
parser.add_argument("--with-dash", default="x")
run = wandb.init(id="c61", name="argparse", config=parser.parse_args([]))
say("config", dict(run.config))
later = argparse.ArgumentParser()
later.add_argument("--late", default=None)
run.config.update(later.parse_args(["--late", "yes"]))
run.log({"x": 1})
run.finish()
