"""`auto` goes on with the run of a process that failed, and starts anew after one that did not."""
# points: 2 8
# online:
# env: WANDBD_FINISH=delivered

import os
import sys

from conformance import again, say, wandb

if len(sys.argv) > 1:
    run = wandb.init(resume="auto", name=f"part {sys.argv[1]}")
    say(f"part {sys.argv[1]}", [run.resumed, run.step])
    say("file", os.path.exists("wandb/wandb-resume.json"))
    run.log({"part": int(sys.argv[1])})
    if sys.argv[1] == "1":
        sys.exit(1)
    run.finish()
    say("file after success", os.path.exists("wandb/wandb-resume.json"))
else:
    again("1", code=1)
    again("2")
    again("3")
