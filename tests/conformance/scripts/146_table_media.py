"""Tables whose cells are media."""
# points: 13

from typing import Any

import numpy as np
from conformance import wandb
from PIL import Image

rng = np.random.default_rng(146)


def picture(side: int = 4) -> Any:
    """Return a picture of noise."""
    return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)


Image.fromarray(picture()).save("given.png")
run = wandb.init(id="c146", name="table media")
table = wandb.Table(columns=["picture", "n"])
for number in range(4):
    table.add_data(wandb.Image(picture(), caption=f"c{number}"), number)
run.log({"pictures": table})
kinds = wandb.Table(columns=["audio", "html", "file", "none"])
kinds.add_data(wandb.Audio(np.linspace(-1, 1, 100), sample_rate=100), wandb.Html("<p>x</p>"), wandb.Image("given.png"), None)
run.log({"kinds": kinds})
labels = {0: "a", 1: "b"}
mask = {"mask_data": rng.integers(0, 2, (4, 4)), "class_labels": labels}
box = {
    "box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": 1, "scores": {"p": 0.5}}],
    "class_labels": labels,
}
drawn = wandb.Table(columns=["drawn"])
drawn.add_data(wandb.Image(picture(), masks={"m": mask}, boxes={"b": box}))
drawn.add_data(wandb.Image(picture(), masks={"m": mask}, boxes={"b": box}))
run.log({"drawn": drawn})
same = wandb.Image(picture())
run.log({"twice": wandb.Table(columns=["a", "b"], data=[[same, same]])})
run.finish()
