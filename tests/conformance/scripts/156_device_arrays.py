"""Pictures, histograms and tables of JAX arrays."""
# points: 12 13

import jax.numpy as jnp
import numpy as np
from conformance import wandb

run = wandb.init(id="c156", name="device arrays")
pixels = jnp.asarray(np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3))
run.log({"hist": wandb.Histogram(jnp.arange(100.0)), "picture": wandb.Image(np.asarray(pixels))})
run.log({"table": wandb.Table(columns=["a"], data=[[np.asarray(jnp.float32(1.5)).item()], [2.0]])})
run.finish()
