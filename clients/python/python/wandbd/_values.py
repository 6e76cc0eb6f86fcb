"""Python values to JSON values: for rows (`convert`, called by the core for types it does not know) and for the config.

No library is imported for it: a value of a library's type can only exist once that library is loaded, so
`sys.modules` is looked at. Reading a value that lies on a device waits for the device.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import GeneratorType
from typing import Any

LIST_MAX = 32
"""Arrays up to this size become lists; longer ones a histogram of this many bins."""

_PLAIN = (str, int, float, bool, type(None))
_MEDIA = ("matplotlib", "PIL", "plotly", "bokeh", "moviepy", "soundfile")
_RICH = ("matplotlib", "PIL", "plotly", "pandas", "bokeh")


def convert(value: Any, run: Any = None, key: str = "", path: str = "") -> Any:
    """The JSON form of a logged value.

    Args:
        value: Of a type that the core does not know.
        run: The core's run, if this is for its rows or summary.
        key: The last name of the value's path.
        path: All its names, joined by dots.

    Raises:
        TypeError: The value's type has none; the message names the type.
    """
    if _may_be_rich(value):
        from wandbd.data_types import _rows

        if _rows.is_rich(value):
            return _rows.in_row(value, run, key, path)
    found, result = _array_like(value)
    if found:
        return result
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, _PLAIN) else value.name
    if isinstance(value, Mapping):
        return {str(key): _inside(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, GeneratorType)):
        return [_inside(item) for item in value]
    found, result = _scalar(value)
    if found:
        return result
    if hasattr(type(value), "__dataclass_fields__"):
        return {name: _inside(getattr(value, name)) for name in type(value).__dataclass_fields__}
    for name, number in (("__float__", float), ("__index__", int)):
        if hasattr(type(value), name) and not isinstance(value, type):
            return number(value)
    if callable(value) and type(value).__module__.split(".")[0] not in _MEDIA:
        return _called(value)
    raise TypeError(_no_form(value))


def _may_be_rich(value: Any) -> bool:
    """Whether it may be one of W&B's types, or of the libraries whose values become one, or hold some."""
    kind = type(value)
    if kind is list or kind is tuple:
        return any(map(_may_be_rich, value))
    name = value.__name__ if kind.__name__ == "module" else kind.__module__
    return name.startswith("wandbd.") or name.split(".", 1)[0] in _RICH


def _called(value: Any) -> str:
    """A function or class by its full name."""
    named = hasattr(value, "__qualname__") and hasattr(value, "__module__")
    return f"{value.__module__}.{value.__qualname__}" if named else str(value)


def _duration(value: Any) -> str:
    """A time span in ISO form, as W&B has it: `P1DT2.5S`."""
    total = value.days * 86_400_000_000 + value.seconds * 1_000_000 + value.microseconds
    sign, total = ("-", -total) if total < 0 else ("", total)
    days, rest = divmod(total, 86_400_000_000)
    seconds, micros = divmod(rest, 1_000_000)
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    clock = f"T{seconds}{fraction}S" if rest or not days else ""
    return f"{sign}P{f'{days}D' if days else ''}{clock}"


def _inside(value: Any) -> Any:
    return value if type(value) in _PLAIN else convert(value)


def _no_form(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.split(".")[0] in _MEDIA:
        return (
            f"Object of type {name} cannot be logged as it is: try wandb.Image, wandb.Plotly or another of W&B's types"
        )
    return f"Object of type {name} cannot be logged: it has no JSON form"


def _scalar(value: Any) -> tuple[bool, Any]:
    """Bytes, dates, paths and UUIDs as text; durations in seconds."""
    if isinstance(value, (str, int, float)):  # subclasses of the plain types
        return True, value
    if isinstance(value, (bytes, bytearray)):
        return True, bytes(value).decode("utf-8", "backslashreplace")
    dates = sys.modules.get("datetime")
    if dates is not None:
        if isinstance(value, (dates.date, dates.time)):
            text = value.isoformat()
            return True, text[:-6] + "Z" if text.endswith("+00:00") else text
        if isinstance(value, dates.timedelta):
            return True, _duration(value)
    if isinstance(value, complex):
        return True, str(value).strip("()")
    for module, name in (
        ("pathlib", "PurePath"),
        ("uuid", "UUID"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
    ):
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(value, getattr(loaded, name)):
            return True, str(value)
    return False, None


def _array_like(value: Any) -> tuple[bool, Any]:
    """Scalars, arrays and tensors of numpy, torch, TensorFlow, JAX and Keras."""
    array = to_numpy(value)
    if array is None:
        torch = sys.modules.get("torch")  # numpy is not there
        if torch is not None and isinstance(value, torch.Tensor):
            return True, value.item() if value.numel() == 1 else value.detach().cpu().tolist()
        return False, None
    if array.size == 1:
        item = array.reshape(-1).tolist()[0]
        return True, _inside(float(item) if hasattr(item, "dtype") else item)  # long doubles stay numpy's own
    if array.size <= LIST_MAX or array.dtype.kind not in "biuf":
        return True, _inside_list(array.tolist())
    return True, _histogram(array)


def _inside_list(items: Any) -> Any:
    return [_inside_list(item) for item in items] if isinstance(items, list) else _inside(items)


def to_numpy(value: Any) -> Any:
    """`value` as a numpy array if it is a scalar, array or tensor of a known kind and numpy is loaded, else None."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return None
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray):
        return value
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        array = numpy.asarray(value)
    else:
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            value = value.detach()
            array = (value.float() if value.dtype is torch.bfloat16 else value).cpu().numpy()
        elif callable(getattr(value, "numpy", None)) and not isinstance(value, type):
            array = numpy.asarray(value.numpy())
        elif hasattr(type(value), "__array__") and type(value).__module__.split(".")[0] not in _MEDIA:
            array = numpy.asarray(value)
        else:
            return None
    if array.dtype.kind != "V":
        return array
    try:  # small floats of machine learning (bfloat16, float8) are a void kind to numpy
        return array.astype("float64")
    except (TypeError, ValueError):
        raise TypeError(_no_form(value)) from None


def _histogram(array: Any) -> dict[str, Any]:
    numpy = sys.modules["numpy"]
    numbers = array.reshape(-1).astype("uint8" if array.dtype.kind == "b" else array.dtype)
    if hasattr(numbers, "compressed"):
        numbers = numbers.compressed()
    numbers = numbers[numpy.isfinite(numbers)]
    counts, edges = numpy.histogram(numbers, bins=LIST_MAX)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def config_value(value: Any) -> Any:
    """The JSON form of a config value; a type that has none becomes text, NaN becomes None."""
    if value is None or isinstance(value, (bool, int, str)) and not _is_enum(value):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, Mapping):
        return {str(key): config_value(item) for key, item in value.items()}
    array = to_numpy(value)
    if array is not None:
        if array.size == 1:
            return config_value(array.reshape(-1)[0].item())
        return config_value(array.tolist()) if array.size <= LIST_MAX else str(array)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [config_value(item) for item in value]
    return _config_object(value)


def _config_object(value: Any) -> Any:
    if _is_enum(value):
        return value.name
    if isinstance(value, slice):
        return {"slice_start": value.start, "slice_step": value.step, "slice_stop": value.stop}
    found, result = _scalar(value)
    if found:
        return result
    if hasattr(type(value), "__dataclass_fields__"):
        return {name: config_value(getattr(value, name)) for name in type(value).__dataclass_fields__}
    if callable(value) and hasattr(value, "__module__"):
        return f"{value.__module__}.{getattr(value, '__name__', type(value).__name__)}"
    return str(value)


def _is_enum(value: Any) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum)


def strict(value: Any) -> Any:
    """`value` without infinities, which strict JSON cannot hold."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    return value
