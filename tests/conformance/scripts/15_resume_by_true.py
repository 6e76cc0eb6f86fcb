"""`resume=True` is `auto` for a given id; WANDB_RESUME with an id in the environment is obeyed, too."""
# points: 1 2
# online:
# env: WANDB_RUN_ID=c15
# env: WANDBD_FINISH=delivered

import os
import sys

from conformance import again, say, wandb

if len(sys.argv) > 1:
    run = wandb.init(resume=True) if sys.argv[1] == "true" else wandb.init()
    say(f"by {sys.argv[1]}", run.resumed)
    run.log({"x": sys.argv[1]})
    run.finish()
else:
    again("nothing")
    os.environ["WANDB_RESUME"] = "must"
    again("environment")
    del os.environ["WANDB_RESUME"]
    again("true")
