"""Pictures of arrays: gray, colours, alpha, numbers of all kinds, captions, keys that make folders."""
# points: 12

import numpy as np
from conformance import wandb

rng = np.random.default_rng(130)
run = wandb.init(id="c130", name="images")
run.log(
    {
        "gray": wandb.Image(rng.integers(0, 256, (5, 7), dtype=np.uint8)),
        "colour": wandb.Image(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8), caption='a caption, ü "quoted"'),
        "alpha": wandb.Image(rng.integers(0, 256, (3, 3, 4), dtype=np.uint8)),
        "one": wandb.Image(rng.integers(0, 256, (8, 2, 1), dtype=np.uint8)),
        "deep/er/key": wandb.Image(np.zeros((2, 1, 3), dtype=np.uint8)),
    }
)
run.log({"float": wandb.Image(rng.standard_normal((6, 5, 3)) * 300), "single": wandb.Image(rng.random((6, 5)).astype(np.float32) * 255)})
run.log({"int": wandb.Image(rng.integers(-500, 500, (4, 4), dtype=np.int64)), "bool": wandb.Image(rng.random((9, 9)) > 0.5)})
run.log(
    {
        "squeezed": wandb.Image(np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)),
        "group": wandb.Image(np.ones((2, 2), np.uint8), grouping=3),
    }
)
run.log({"strided": wandb.Image(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)[::2, ::-1]), "x": 1})
run.log({"large": wandb.Image(rng.integers(0, 256, (300, 200, 3), dtype=np.uint8))})
run.finish()
