"""Clouds of points, scenes, and files of three dimensions."""
# points: 12

import io

import numpy as np
from conformance import tried, wandb

rng = np.random.default_rng(140)
run = wandb.init(id="c140", name="3d")
run.log(
    {
        "three": wandb.Object3D(rng.random((5, 3))),
        "four": wandb.Object3D(np.concatenate([rng.random((4, 3)), [[1], [2], [3], [14]]], axis=1)),
    }
)
run.log(
    {"six": wandb.Object3D(rng.integers(0, 256, (6, 6))), "caption": wandb.Object3D(rng.random((2, 3)).astype(np.float32), caption="c")}
)
box = {"corners": [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], "label": "box", "color": [123, 321, 111]}
run.log(
    {
        "scene": wandb.Object3D(
            {
                "type": "lidar/beta",
                "points": np.array([[0.4, 1, 1.3], [1, 1, 1]]),
                "boxes": np.array([box]),
                "vectors": np.array([{"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}]),
            }
        )
    }
)
with open("cube.obj", "w") as file:
    file.write("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
run.log({"file": wandb.Object3D("cube.obj"), "io": wandb.Object3D(io.StringIO("v 0 0 0\n"), file_type="obj")})
run.log({"list": [wandb.Object3D("cube.obj"), wandb.Object3D(rng.random((2, 3)))]})
run.log(
    {
        "from numpy": wandb.Object3D.from_numpy(rng.random((3, 3))),
        "cloud": wandb.Object3D.from_point_cloud(points=[[0, 0, 0], [1, 2, 3]], boxes=[]),
    }
)
for what, arguments, words in (
    ("two columns", (rng.random((3, 2)),), {}),
    ("one row", (rng.random(3),), {}),
    ("other file", ("cube.xyz",), {}),
    ("io without kind", (io.StringIO("x"),), {}),
    ("io of another kind", (io.StringIO("x"),), {"file_type": "xyz"}),
    ("other scene", ({"type": "other"},), {}),
    ("a list", ([[1, 2, 3]],), {}),
):
    with tried(what):
        wandb.Object3D(*arguments, **words)
run.finish()
