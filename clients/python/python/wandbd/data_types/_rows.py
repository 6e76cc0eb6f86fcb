"""Rich values in rows: what `convert` does with W&B's types, figures, data frames, charts, and lists of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from wandbd.data_types._bulk import is_frame
from wandbd.data_types._media import BatchableMedia, NoRoom, Sender, WBValue, plain

_LIBRARIES = ("matplotlib", "plotly", "PIL", "bokeh", "pandas")


def in_row(value: Any, run: Any, key: str, path: str | None) -> Any:
    """What the core puts into the row.

    Raises:
        TypeError: It can only be logged to a run.
    """
    import wandbd._core as core

    if run is None:
        raise TypeError(f"Object of type {type(value).__qualname__} can only be logged to a run")
    to = Sender(run, key, path)
    chart = _chart(value)
    try:
        if chart is not None:
            table, name = chart._said(to)
            return core.Template(json.dumps(plain(structure(table, Sender(run, name)))), name)
        return core.Template(json.dumps(plain(structure(value, to))))
    except NoRoom:
        return core.Template("")
    except OSError as error:
        from wandbd._term import termwarn

        termwarn(f"The value of '{key}' is left out: {error}")
        return core.Template("")


def is_rich(value: Any) -> bool:
    """Whether it, or something in it, is one of these values."""
    if isinstance(value, WBValue) or _chart(value) is not None:
        return True
    if isinstance(value, (list, tuple)):
        return any(is_rich(item) for item in value)
    if isinstance(value, Mapping):
        return any(is_rich(item) for item in value.values())
    return _of_library(value) is not None


def _chart(value: Any) -> Any:
    module = sys.modules.get("wandbd.plot._chart")
    return value if module is not None and isinstance(value, (module.CustomChart, module.Visualize)) else None


def _of_library(value: Any) -> str | None:
    """The library of a figure, picture or data frame."""
    kind = type(value)
    name = str(value.__name__) if kind.__name__ == "module" else kind.__module__
    library = name.split(".")[0]
    if library not in _LIBRARIES:
        return None
    if library == "pandas":
        return library if is_frame(value) else None
    if library == "PIL":
        return library if hasattr(value, "tobytes") and hasattr(value, "mode") else None
    if library == "plotly":
        return library if hasattr(value, "to_plotly_json") else None
    if library == "matplotlib":
        return library if kind.__name__ == "module" or hasattr(value, "savefig") or hasattr(value, "figure") else None
    return library if hasattr(value, "references") else None


def structure(value: Any, to: Sender) -> Any:
    """The JSON form, with places of what the daemon makes."""
    if isinstance(value, WBValue):
        return value._in_row(to)
    if isinstance(value, (list, tuple)):
        return _list(list(value), to)
    if isinstance(value, Mapping):
        return {str(key): structure(item, Sender(to.run, str(key), f"{to.path}.{key}")) for key, item in value.items()}
    library = _of_library(value)
    if library is not None:
        return _wrapped(value, library)._in_row(to)
    if value is None or type(value) in (str, int, float, bool):
        return value
    from wandbd._values import convert

    return convert(value)


def _wrapped(value: Any, library: str) -> WBValue:
    """A value of a library as one of ours."""
    from wandbd import data_types

    if library == "pandas":
        return data_types.Table(dataframe=value)
    if library == "PIL":
        return data_types.Image(value)
    return data_types.Bokeh(value) if library == "bokeh" else data_types.Plotly.make_plot_media(value)


def _list(items: list[Any], to: Sender) -> Any:
    first = items[0] if items else None
    if isinstance(first, BatchableMedia) and all(type(item) is type(first) for item in items):
        limit = type(first).MAX_ITEMS
        if limit and len(items) > limit:
            from wandbd._term import termwarn

            termwarn(f"Only {limit} {type(first).__name__} will be uploaded.", repeat=False)
            items = items[:limit]
        return type(first)._list_in_row(items, to)
    return [structure(item, to) for item in items]
