"""`save` with each policy; a file that changes afterwards."""
# points: 7

import os

from conformance import say, wandb

run = wandb.init(id="c80", name="policies")
for policy in ("now", "live", "end"):
    with open(f"{policy}.txt", "w") as file:
        file.write(f"{policy} first")
saved = run.save("end.txt", policy="end")
say("saved", [os.path.basename(path) for path in saved])
run.save("live.txt", policy="live")
run.save("now.txt", policy="now")
for policy in ("live", "end"):
    with open(f"{policy}.txt", "w") as file:
        file.write(f"{policy} second")
run.log({"x": 1})
run.finish()
