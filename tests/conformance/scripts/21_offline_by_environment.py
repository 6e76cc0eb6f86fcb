"""WANDB_MODE=dryrun is offline; an exit code travels in the file."""
# points: 1 10
# online:
# env: WANDB_MODE=dryrun

from conformance import offline_folders, say, sync, wandb

run = wandb.init(id="c21", name="dry")
say("offline", run.offline)
run.log({"x": 1}, step=5)
run.log({"x": 2}, step=7)
run.finish(exit_code=4)
sync(*offline_folders())
