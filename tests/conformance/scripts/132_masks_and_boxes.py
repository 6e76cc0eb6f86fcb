"""Masks, boxes and classes of pictures, alone and in lists, and their labels in the config."""
# points: 12

from typing import Any

import numpy as np
from conformance import tried, wandb

rng = np.random.default_rng(132)
pixels = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)
labels = {0: "sky", 1: "road", 2: "car"}
mask = {"mask_data": rng.integers(0, 3, (8, 10)), "class_labels": labels}
boxes = {
    "box_data": [
        {"position": {"minX": 0.1, "maxX": 0.4, "minY": 0.2, "maxY": 0.9}, "class_id": 2, "box_caption": "a car", "scores": {"acc": 0.5}},
        {"position": {"middle": [5, 4], "width": 2, "height": 3}, "domain": "pixel", "class_id": 1},
    ],
    "class_labels": labels,
}
run = wandb.init(id="c132", name="masks and boxes")
run.log({"seg": wandb.Image(pixels, masks={"pred": mask})})
run.log({"det": wandb.Image(pixels, boxes={"gt": boxes}, caption="with boxes")})
run.log(
    {"both": wandb.Image(pixels, masks={"pred": mask, "gt": mask}, boxes={"gt": boxes}, classes=wandb.Classes([{"id": 0, "name": "sky"}]))}
)
run.log({"classes": wandb.Image(pixels, classes=[{"id": 7, "name": "seven"}])})
run.log({"list": [wandb.Image(pixels, masks={"pred": mask}), wandb.Image(pixels, boxes={"gt": boxes}), wandb.Image(pixels)]})
run.log({"deep/seg": wandb.Image(pixels, masks={"a mask": {"mask_data": np.zeros((8, 10), np.uint8)}})})
refused: dict[str, dict[str, Any]] = {
    "boxes": {"boxes": [boxes]},
    "masks": {"masks": [mask]},
    "mask values": {"masks": {"m": {"mask_data": np.array([[300]])}}},
    "no mask data": {"masks": {"m": {"class_labels": labels}}},
    "no box data": {"boxes": {"b": {"class_labels": labels}}},
    "labels": {"masks": {"m": {"mask_data": np.zeros((2, 2), int), "class_labels": ["a"]}}},
    "position": {"boxes": {"b": {"box_data": [{"position": {"minX": 1}, "class_id": 1}]}}},
    "class id": {"boxes": {"b": {"box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": "x"}]}}},
}
for what, words in refused.items():
    with tried(what):
        wandb.Image(pixels, **words)
run.finish()
