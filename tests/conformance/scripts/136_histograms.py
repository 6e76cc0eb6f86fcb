"""Histograms of lists and arrays of all kinds, counted by numpy or by hand."""
# points: 12

import numpy as np
from conformance import outcome, tried, wandb

rng = np.random.default_rng(136)
run = wandb.init(id="c136", name="histograms")
run.log({"list": wandb.Histogram([1, 2, 2, 3.5]), "bins": wandb.Histogram(rng.standard_normal(1000), num_bins=10)})
run.log(
    {
        "single": wandb.Histogram(rng.standard_normal(500).astype(np.float32)),
        "half": wandb.Histogram(rng.random(100).astype(np.float16), num_bins=7),
    }
)
run.log({"int": wandb.Histogram(rng.integers(-1000, 1000, 300)), "byte": wandb.Histogram(rng.integers(0, 256, (10, 10), dtype=np.uint8))})
run.log({"bool": wandb.Histogram(rng.random(50) > 0.3), "equal": wandb.Histogram([3, 3, 3]), "empty": wandb.Histogram([])})
run.log(
    {
        "numpy": wandb.Histogram(np_histogram=np.histogram(rng.random(99), bins=5)),
        "by hand": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2])),
    }
)
run.log({"most": wandb.Histogram(rng.random(5000), num_bins=512), "one": wandb.Histogram([4.25], num_bins=1)})
run.log({"range": wandb.Histogram(range(100), num_bins=4), "deep/hist": wandb.Histogram((1.0, 2.0))})
for what, arguments, words in (
    ("too many", ([1, 2],), {"num_bins": 513}),
    ("three parts", (), {"np_histogram": ([1], [0, 1], 2)}),
    ("uneven", (), {"np_histogram": ([1, 2], [0, 1])}),
    ("none", ([1, 2],), {"num_bins": 0}),
):
    with tried(what):
        wandb.Histogram(*arguments, **words)
counted = wandb.Histogram(np_histogram=([1, 2], [0, 1, 2]))
outcome("counts", lambda: [list(counted.histogram), list(counted.bins)])
run.finish()
