"""SIGTERM and SIGKILL in the middle of the training."""
# points: 8
# online:

import os
import signal
import sys

from conformance import again, wandb

if len(sys.argv) > 1:
    which = signal.SIGTERM if sys.argv[1] == "term" else signal.SIGKILL
    run = wandb.init(id=f"c95-{sys.argv[1]}", name=sys.argv[1])
    for i in range(5):
        run.log({"x": i})
    run.summary["s"] = 1
    os.kill(os.getpid(), which)
else:
    again("term", code=-15)
    again("kill", code=-9)
