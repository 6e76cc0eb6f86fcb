"""The console in several files."""
# points: 6
# env: WANDB_CONSOLE_MULTIPART=true
# env: WANDB_CONSOLE_CHUNK_MAX_BYTES=200

from conformance import wandb

run = wandb.init(id="c75", name="multipart")
for i in range(40):
    print(f"line {i:02d} of the console")
run.log({"x": 1})
run.finish()
