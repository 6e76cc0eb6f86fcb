"""`restore` brings a file of another run back."""
# points: 7
# online:
# env: WANDBD_FINISH=delivered

import os

from conformance import outcome, say, wandb

run = wandb.init(id="c86a", name="source")
with open("kept.txt", "w") as file:
    file.write("kept content")
run.save("kept.txt", policy="now")
run.log({"x": 1})
run.finish()
os.remove("kept.txt")
os.makedirs("back")
run = wandb.init(id="c86b", name="reader")
found = wandb.restore("kept.txt", run_path=f"{run.entity}/{run.project}/c86a", root="back")
say("restored", [found.read(), os.path.relpath(found.name, "back")])
found.close()
outcome("missing", wandb.restore, "never.txt", run_path=f"{run.entity}/{run.project}/c86a", root="back")
run.log({"x": 1})
run.finish()
