"""Tables of arrays and data frames, and cells that are arrays."""
# points: 13

import numpy as np
import pandas as pd
from conformance import wandb

run = wandb.init(id="c147", name="table arrays")
run.log(
    {
        "array": wandb.Table(columns=["a", "b"], data=np.arange(6).reshape(3, 2)),
        "floats": wandb.Table(columns=["x"], data=np.array([[0.5], [1.5]])),
    }
)
frame = pd.DataFrame({"n": [1, 2], "f": [0.5, 1.25], "t": ["x", "y"], "b": [True, False]})
run.log({"frame": wandb.Table(dataframe=frame), "as data": wandb.Table(data=frame), "plain frame": frame})
run.log({"scalars": wandb.Table(columns=["a", "b"], data=[[np.float32(0.1), np.int64(3)], [np.float32(2), np.int64(4)]])})
run.log({"vectors": wandb.Table(columns=["v"], data=[[np.arange(3)], [np.arange(3) * 2]])})
run.log({"stored": wandb.Table(columns=["m", "n"], data=[[np.arange(6).reshape(2, 3) / 2, 1], [np.ones((2, 3)), 2]])})
run.log({"long": wandb.Table(columns=["v"], data=[[np.arange(200)], [np.arange(200)]])})
dates = pd.DataFrame({"when": pd.to_datetime(["2020-01-02", "2021-03-04"])})
run.log({"dates": wandb.Table(dataframe=dates)})
run.finish()
