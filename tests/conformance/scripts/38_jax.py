"""JAX arrays and scalars."""
# points: 3
# env: JAX_PLATFORMS=cpu

import jax.numpy as jnp
from conformance import wandb

run = wandb.init(id="c38", name="jax", config={"lr": jnp.float32(0.5)})
run.log({"scalar": jnp.float32(0.25), "zero dim": jnp.array(3), "one": jnp.array([2.5]), "small": jnp.arange(4)})
run.log({"half": jnp.bfloat16(1.5), "matrix": jnp.ones((2, 2)), "many": jnp.arange(64.0), "deep": {"x": jnp.array(1)}})
run.finish()
