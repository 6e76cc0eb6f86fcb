"""Arrays as they lie in memory: from numpy, torch, TensorFlow, JAX, buffers and lists, without importing anything."""

from __future__ import annotations

import sys
from typing import Any

from wandbd._values import to_numpy
from wandbd.data_types._held import Held

_FORMATS = {
    "?": "|b1", "b": "|i1", "B": "|u1", "c": "|u1", "h": "<i2", "H": "<u2", "i": "<i4", "I": "<u4", "q": "<i8",
    "Q": "<u8", "e": "<f2", "f": "<f4", "d": "<f8",
}  # fmt: skip


class Raw:
    """Numbers in C order: `dtype` as numpy writes it, `data` anything with the buffer protocol."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...], data: Any) -> None:
        """Hold what is given; nothing is copied."""
        self.dtype = dtype
        self.shape = shape
        self.data = data

    def fields(self) -> dict[str, Any]:
        """The fields of `wandbd.v1.Array`."""
        data = self.data
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "data": data.buffer() if isinstance(data, Held) else data,
        }

    def held(self) -> Raw:
        """The same, with data that may be moved out of memory."""
        return Raw(self.dtype, self.shape, Held(self.data))


def numpy() -> Any:
    """The module numpy if the program has loaded it, else None."""
    module = sys.modules.get("numpy")
    return module if module is not None and hasattr(module, "ndarray") else None


def is_torch(value: Any) -> bool:
    """Whether it is a tensor of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor)


def array_of(value: Any) -> Any:
    """`value` as a numpy array, perhaps over the same memory; None if it is none or numpy is not loaded."""
    array = to_numpy(value)
    if array is None and isinstance(value, (list, tuple, range, bytearray, memoryview)) and numpy() is not None:
        array = numpy().asarray(value)
    return array


def raw(value: Any) -> Raw:
    """A copy of an array, tensor, buffer or list of numbers.

    Raises:
        TypeError: It holds no numbers, or its lists differ in length.
    """
    array = array_of(value)
    if array is not None:
        return of_numpy(array)
    if is_torch(value):  # without numpy
        value = value.detach().cpu().tolist()
    if isinstance(value, (list, tuple, range)):
        return _of_lists(value)
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(f"expected an array of numbers, got {type(value).__name__}") from None
    form = view.format.lstrip("@=<")
    if form in ("l", "L"):
        form = {4: "i", 8: "q"}[view.itemsize] if form == "l" else {4: "I", 8: "Q"}[view.itemsize]
    if form not in _FORMATS:
        raise TypeError(f"expected an array of numbers, got a buffer of format {view.format!r}")
    return Raw(_FORMATS[form], tuple(view.shape or (len(view),)), _snapshot(view))


def of_numpy(array: Any) -> Raw:
    """A numpy array of numbers, in C order and in this machine's byte order.

    Raises:
        TypeError: It holds something else.
    """
    if hasattr(array, "filled"):  # masked
        array = array.filled(float("nan")) if array.dtype.kind == "f" else array.filled()
    if array.dtype.kind == "O":
        array = array.astype("float64")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"expected an array of numbers, got one of {array.dtype}")
    if array.dtype.itemsize > 8:
        array = array.astype("float64")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return Raw(array.dtype.str, tuple(int(size) for size in array.shape), _snapshot(array))


def _snapshot(data: Any) -> Any:
    """A copy in C order that the core sends without another one."""
    import wandbd._core as core

    return core.Snapshot(data)


def _of_lists(value: Any) -> Raw:
    from array import array

    shape: list[int] = []
    inside = value
    while isinstance(inside, (list, tuple, range)):
        shape.append(len(inside))
        inside = inside[0] if len(inside) else None
    flat = array("d")
    _flatten(value, shape, 0, flat)
    return Raw("<f8", tuple(shape), flat.tobytes())


def _flatten(value: Any, shape: list[int], depth: int, flat: Any) -> None:
    if depth == len(shape) or len(value) != shape[depth]:
        raise TypeError("expected an array of numbers, got lists of different lengths")
    if depth == len(shape) - 1:
        flat.extend(map(float, value))
        return
    for item in value:
        _flatten(item, shape, depth + 1, flat)
