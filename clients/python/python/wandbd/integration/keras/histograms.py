"""Weights of a model as histograms, by the keys of W&B."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import wandbd
from wandbd.integration.keras.arrays import as_numpy, finite


def weight_arrays(model: Any, prefix: str = "") -> dict[str, Any]:
    """The arrays of every layer: `<layer>.weights`, `<layer>.bias`; `<layer>.<variable>` where there are more than two.

    Layers of a model inside the model are `<model>/<layer>`.
    """
    found: dict[str, Any] = {}
    for layer in getattr(model, "layers", None) or []:
        name = prefix + layer.name
        if getattr(layer, "layers", None):
            found.update(weight_arrays(layer, f"{name}/"))
            continue
        variables = list(layer.weights)
        if len(variables) in (1, 2):
            words = ["weights", "bias"]
        else:
            words = [variable.name for variable in variables]
        found.update({f"{name}.{word}": as_numpy(one) for word, one in zip(words, variables, strict=False)})
    return found


def histograms(arrays: Mapping[str, Any], key: str, warn: Callable[[str], None]) -> dict[str, Any]:
    """A histogram of 64 bins for each array; `key` makes the row's key of a name, by `{}`.

    Values that are not finite are left out, which `warn` is told.
    """
    row: dict[str, Any] = {}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            warn(f"{name} holds no numbers and has no histogram")
            continue
        good, bad = finite(array)
        if bad:
            warn(f"{name} holds {bad} values that are not finite; its histogram leaves them out")
        if len(good):
            row[key.format(name)] = wandbd.Histogram(good)
    return row
