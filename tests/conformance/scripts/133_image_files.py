"""Pictures from files, from Pillow, and as other kinds of files."""
# points: 12

from pathlib import Path

import numpy as np
from conformance import wandb
from PIL import Image

pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
for name in ("cat.png", "dog.bmp", "bird.jpg", "fish.webp", "two.dots.png"):
    Image.fromarray(pixels).save(name)
run = wandb.init(id="c133", name="image files")
run.log({"png": wandb.Image("cat.png"), "bmp": wandb.Image("dog.bmp", caption="a dog"), "jpg": wandb.Image("bird.jpg")})
run.log(
    {"webp": wandb.Image(Path("fish.webp")), "dots": wandb.Image("two.dots.png"), "absolute": wandb.Image(str(Path("cat.png").resolve()))}
)
run.log({"pillow": wandb.Image(Image.fromarray(pixels)), "gray": wandb.Image(Image.fromarray(pixels).convert("L"))})
run.log({"palette": wandb.Image(Image.fromarray(pixels).convert("P")), "mode": wandb.Image(pixels, mode="L")})
run.log(
    {
        "as jpg": wandb.Image(pixels, file_type="jpg"),
        "as bmp": wandb.Image(pixels, file_type="bmp"),
        "as jpeg": wandb.Image(pixels, file_type="jpeg"),
    }
)
run.log({"of image": wandb.Image(wandb.Image(pixels, caption="first"), caption="second")})
run.log({"list": [wandb.Image("cat.png"), wandb.Image("bird.jpg")]})
run.finish()
