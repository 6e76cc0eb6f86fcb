"""What is no picture is refused at once, by the same kinds of errors."""
# points: 12

import numpy as np
from conformance import say, tried, wandb

run = wandb.init(id="c134", name="no images")
for what, value, words in (
    ("two channels", np.zeros((4, 4, 2), np.uint8), {}),
    ("five channels", np.zeros((4, 4, 5), np.uint8), {}),
    ("no such file", "missing.png", {}),
    ("kind", np.zeros((4, 4), np.uint8), {"file_type": "tiff"}),
    ("a list", [[1, 2], [3, 4]], {}),
    ("a number", 3, {}),
    ("classes", np.zeros((4, 4), np.uint8), {"classes": [{"id": 1}]}),
):
    with tried(what):
        wandb.Image(value, **words)
with open("text.png", "w") as file:
    file.write("no picture")
with tried("text"):
    wandb.Image("text.png")
image = wandb.Image(np.zeros((4, 6, 3), np.uint8), caption="c")
say("facts", [image.format, image._width, image._height, image._caption])
with tried("reference in a run"):
    run.log({"reference": wandb.Image("https://example.com/x.png")})
run.log({"after": 1})
run.finish()
