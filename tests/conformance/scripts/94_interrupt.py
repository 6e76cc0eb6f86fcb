"""Ctrl-C in the middle of the training."""
# points: 8
# online:

import os
import signal
import sys

from conformance import again, wandb

if len(sys.argv) > 1:
    run = wandb.init(id="c94", name="interrupt")
    run.log({"x": 1})
    os.kill(os.getpid(), signal.SIGINT)
    run.log({"never": 1})
else:
    again("child", code=-2)
