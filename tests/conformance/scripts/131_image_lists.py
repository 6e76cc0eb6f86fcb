"""Lists of pictures: captions, sizes that differ, and the limit of 108."""
# points: 12

from typing import Any

import numpy as np
from conformance import wandb


def picture(number: int, side: int = 4) -> Any:
    """Return a picture of one colour."""
    return np.full((side, side, 3), number, dtype=np.uint8)


run = wandb.init(id="c131", name="image lists")
run.log({"plain": [wandb.Image(picture(number)) for number in range(3)]})
run.log({"captions": [wandb.Image(picture(number), caption=f"number {number}") for number in range(3)]})
run.log({"some captions": [wandb.Image(picture(1), caption="first"), wandb.Image(picture(2))]})
run.log({"late caption": [wandb.Image(picture(1)), wandb.Image(picture(2), caption="second")]})
run.log({"sizes": [wandb.Image(picture(1, 4)), wandb.Image(picture(2, 9))]})
run.log({"one": [wandb.Image(picture(5))], "tuple": (wandb.Image(picture(6)), wandb.Image(picture(7)))})
run.log({"many": [wandb.Image(picture(number)) for number in range(112)]})
run.log(
    {"deep/list": [wandb.Image(picture(8))], "kinds": [wandb.Image(picture(9), file_type="bmp"), wandb.Image(picture(10), file_type="bmp")]}
)
run.finish()
