"""Files that match WANDB_IGNORE_GLOBS are not uploaded."""
# points: 1 7
# env: WANDB_IGNORE_GLOBS=*.ckpt,requirements.txt

from conformance import wandb

run = wandb.init(id="c82", name="ignored")
for name in ("keep.txt", "drop.ckpt"):
    with open(name, "w") as file:
        file.write(name)
    run.save(name, policy="now")
run.log({"x": 1})
run.finish()
