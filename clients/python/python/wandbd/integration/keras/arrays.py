"""Values of any backend as Python or numpy values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def plain(value: Any) -> Any:
    """A scalar of any backend as a Python number; everything else as it is."""
    if getattr(value, "shape", None) == () and not isinstance(value, (bool, int, float, str)):
        try:
            return as_numpy(value).item()
        except (TypeError, ValueError, AttributeError):
            return value
    return value


def as_numpy(value: Any) -> Any:
    """An array of any backend as one of numpy."""
    return value if isinstance(value, np.ndarray) else np.asarray(keras.ops.convert_to_numpy(value))


def rows(data: Any) -> int:
    """The number of samples of arrays, or of lists and dicts of them."""
    leaves = keras.tree.flatten(data)
    return len(leaves[0]) if leaves else 0


def take(data: Any, where: Any) -> Any:
    """The samples at `where` (a slice or indexes) of arrays, or of lists and dicts of them, as numpy arrays."""
    return keras.tree.map_structure(lambda one: as_numpy(one)[where], data)


def visible(picture: Any) -> Any:
    """A picture of floats as one of bytes: 0 to 1 fill the range of brightness; negative values are moved up first.

    `Image` itself takes numbers for bytes as they are.
    """
    array = as_numpy(picture)
    if array.dtype.kind != "f" or array.size == 0:
        return array
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    if low < 0 and high > low:
        array = (array - low) / (high - low)
        high = 1.0
    if high <= 1.0:
        array = array * 255
    return np.nan_to_num(array).clip(0, 255).astype(np.uint8)


def finite(values: Any) -> tuple[Any, int]:
    """The numbers that are finite, as a flat array, and how many were not."""
    flat = as_numpy(values).reshape(-1)
    good = flat[np.isfinite(flat)]
    return good, len(flat) - len(good)
