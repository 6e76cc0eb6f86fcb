"""`sys.exit` inside of `with`, and a run that another ends."""
# points: 8
# exit: 5

import sys

from conformance import wandb

with wandb.init(id="c98", name="exit in block") as run:
    run.log({"x": 1})
    sys.exit(5)
