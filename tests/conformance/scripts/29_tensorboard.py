"""Rows from the event files of a TensorBoard writer: numbers, a histogram, a picture, and rows of the script beside them."""
# points: 2 3
# online:
# The released tool dies of an offline run with event files when it sends it.

import os

import numpy as np
from conformance import wandb

run = wandb.init(id="c29", name="tensorboard", sync_tensorboard=True)
from tensorboardX import SummaryWriter  # noqa: E402

writer = SummaryWriter(os.path.abspath("logs/train"))
for step in range(0, 6, 2):
    writer.add_scalar("loss", 1 / (step + 1), step)
    writer.add_scalar("accuracy/top1", step / 10, step)
writer.add_scalar("broken", float("nan"), 7)
writer.add_histogram("weights", np.array([1.0, 2.0, 3.0]), 8, bins=3)
writer.add_image("picture", np.arange(60, dtype=np.uint8).reshape(3, 4, 5), 9)
writer.add_text("note", "hello", 10)
writer.close()
run.finish()
