"""stdout and stderr share one numbering of lines."""
# points: 6

import logging
import sys

from conformance import wandb

run = wandb.init(id="c71", name="both")
print("out 1")
print("err 1", file=sys.stderr)
print("out 2")
logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
logging.warning("a warning")
sys.stdout.writelines(["a\n", "b\n"])
print("with\ttab and ünïcödé 🌍", flush=True)
sys.stderr.write("no end of line")
run.log({"x": 1})
run.finish()
print("after the run")
