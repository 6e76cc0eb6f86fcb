"""Figures of Matplotlib as pictures."""
# points: 12

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend is chosen before)
from conformance import wandb  # noqa: E402

run = wandb.init(id="c143", name="matplotlib")
figure, axes = plt.subplots(figsize=(2, 1.5))
axes.plot([1, 2, 3], [1, 4, 9])
run.log({"figure": wandb.Image(figure), "caption": wandb.Image(figure, caption="a plot")})
run.log({"axes": wandb.Image(axes), "module": wandb.Image(plt)})
plt.close("all")
run.finish()
