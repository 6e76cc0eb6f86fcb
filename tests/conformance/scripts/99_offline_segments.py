"""Several offline segments of one id become one run."""
# points: 10
# online:

from conformance import offline_folders, sync, wandb

for part in range(2):
    run = wandb.init(id="c99", name="segments", mode="offline", resume="allow", config={f"part{part}": part})
    for i in range(3):
        run.log({"part": part, "i": i})
    run.summary[f"of part {part}"] = True
    run.finish()
sync(*offline_folders())
