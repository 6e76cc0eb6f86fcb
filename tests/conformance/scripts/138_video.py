"""Films from files, bytes and arrays."""
# points: 12

import io

import numpy as np
from conformance import tried, wandb

rng = np.random.default_rng(138)
frames = rng.integers(0, 2, (5, 3, 8, 10), dtype=np.uint8) * 255
run = wandb.init(id="c138", name="video")
with open("film.mp4", "wb") as file:
    file.write(b"\x00\x00\x00\x18ftypmp42 no film")
run.log({"file": wandb.Video("film.mp4", caption="a film"), "bytes": wandb.Video(io.BytesIO(b"webm bytes"), format="webm")})
run.log(
    {
        "gif": wandb.Video(frames, fps=4, format="gif"),
        "batch": wandb.Video(rng.integers(0, 2, (3, 2, 3, 4, 6), dtype=np.uint8) * 255, format="gif"),
    }
)
run.log({"floats": wandb.Video(frames.astype(np.float64), fps=10, format="gif", caption="floats")})
run.log({"list": [wandb.Video("film.mp4", caption="one"), wandb.Video("film.mp4")]})
for what, arguments, words in (
    ("no format", (frames,), {}),
    ("three dimensions", (frames[0],), {"format": "gif"}),
    ("other format", (frames,), {"format": "avi"}),
    ("other file", ("film.avi",), {}),
    ("bytes without format", (io.BytesIO(b"x"),), {}),
    ("missing", ("missing.mp4",), {}),
    ("a list", ([1, 2],), {"format": "gif"}),
):
    with tried(what):
        wandb.Video(*arguments, **words)
run.finish()
