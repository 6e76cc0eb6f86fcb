"""Sums of gradients over one pass of data, on each backend, leaving the model as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from wandbd.integration.keras.arrays import as_numpy, rows, take

BATCH = 32


def gradient_sums(model: Any, data: Any, steps: int | None) -> dict[str, Any]:
    """The gradient of the loss, summed over the batches of `data`, by variable.

    Args:
        model: A compiled model.
        data: `(x, y)`, taken in batches of 32; or something that yields batches `(x, y)`.
        steps: The most batches to take of the latter.

    Returns:
        `<layer>/<variable>` to a numpy array of its shape. Variables that the loss does not depend on are left out.
    """
    variables = list(model.trainable_variables)
    others = [one for one in model.variables if all(one is not mine for mine in variables)]
    before = [np.array(as_numpy(one.value)) for one in others]
    sums: list[Any] = [None] * len(variables)
    try:
        for x, y in _batches(data, steps):
            x, y = (keras.tree.map_structure(keras.ops.convert_to_tensor, one) for one in (x, y))
            for place, gradient in enumerate(_gradients(model, variables, others, x, y)):
                if gradient is not None:
                    value = as_numpy(gradient)
                    sums[place] = value if sums[place] is None else sums[place] + value
    finally:
        # A forward pass in training mode moves statistics and random states: watching must not change training.
        for variable, value in zip(others, before, strict=True):
            variable.assign(value)
    named = zip(variables, sums, strict=True)
    return {variable_name(model, variable): total for variable, total in named if total is not None}


def variable_name(model: Any, variable: Any) -> str:
    """`<layer>/<variable>`, without the name of the model."""
    path = str(variable.path)
    return path.removeprefix(f"{model.name}/")


def _batches(data: Any, steps: int | None) -> Iterator[tuple[Any, Any]]:
    if isinstance(data, (tuple, list)):
        x, y = data
        for start in range(0, rows(x), BATCH):
            part = slice(start, start + BATCH)
            yield take(x, part), take(y, part)
        return
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        yield batch[0], batch[1]


def _gradients(model: Any, variables: list[Any], others: list[Any], x: Any, y: Any) -> list[Any]:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow(model, variables, x, y)
    if backend == "jax":
        return _jax(model, variables, others, x, y)
    if backend == "torch":
        return _torch(model, variables, x, y)
    raise NotImplementedError(f"gradients on the backend {backend}")


def _loss(model: Any, x: Any, y: Any) -> Any:
    return model.compute_loss(x=x, y=y, y_pred=model(x, training=True), training=True)


def _tensorflow(model: Any, variables: list[Any], x: Any, y: Any) -> list[Any]:
    import tensorflow as tf  # the backend in use

    values = [variable.value for variable in variables]
    with tf.GradientTape() as tape:
        loss = _loss(model, x, y)
    return [None if one is None else tf.convert_to_tensor(one) for one in tape.gradient(loss, values)]


def _jax(model: Any, variables: list[Any], others: list[Any], x: Any, y: Any) -> list[Any]:
    import jax  # the backend in use

    state = [(variable, variable.value) for variable in others]

    def loss(values: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=[*zip(variables, values, strict=True), *state]):
            return _loss(model, x, y)

    gradients: list[Any] = jax.grad(loss)([variable.value for variable in variables])
    return gradients


def _torch(model: Any, variables: list[Any], x: Any, y: Any) -> list[Any]:
    import torch  # the backend in use

    values = [variable.value for variable in variables]
    found = torch.autograd.grad(_loss(model, x, y), values, allow_unused=True)
    return [None if one is None else one.detach() for one in found]
