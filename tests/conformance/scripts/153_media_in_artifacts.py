"""Media as objects of artifacts."""
# points: 12

import numpy as np
from conformance import outcome, tried, wandb
from PIL import Image

rng = np.random.default_rng(153)
pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
Image.fromarray(pixels).save("given.png")
run = wandb.init(id="c153", name="media in artifacts")
artifact = wandb.Artifact("media153", type="dataset")
outcome("path", lambda: artifact.add(wandb.Image(pixels), "array").path)
artifact.add(wandb.Image("given.png", caption="a file"), "file")
classes = wandb.Classes([{"id": 0, "name": "a"}, {"id": 1, "name": "b"}])
mask = {"mask_data": rng.integers(0, 2, (4, 5))}
artifact.add(wandb.Image(pixels, masks={"m": mask}, classes=classes), "drawn")
artifact.add(classes, "classes")
artifact.add(wandb.Html("<p>x</p>"), "page")
artifact.add(wandb.Audio(np.linspace(-1, 1, 50), sample_rate=50, caption="s"), "sound")
artifact.add(wandb.Object3D(np.array([[0.0, 1.0, 2.0]])), "points")
with tried("a histogram"):
    artifact.add(wandb.Histogram([1, 2]), "histogram")
with tried("a text"):
    artifact.add("text", "text")
with tried("masks without classes"):
    artifact.add(wandb.Image(pixels, masks={"m": mask}), "without classes")
run.log_artifact(artifact)
run.finish()
