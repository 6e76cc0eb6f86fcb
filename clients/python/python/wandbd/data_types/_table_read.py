"""Tables from the JSON that artifacts hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wandbd._errors import Error
from wandbd.data_types import _types
from wandbd.data_types._media import WBValue
from wandbd.data_types._types import NDArray, Timestamp, Type, TypedDict, Union

if TYPE_CHECKING:
    from wandbd.data_types._table import Table


def read(cls: type[Table], data: Mapping[str, Any], artifact: Any) -> Table:
    """A table with all that its cells mean."""
    columns: list[Any] = data["columns"]
    mode = data.get("log_mode", "IMMUTABLE")
    kinds: TypedDict | None = None
    if data.get("column_types") is not None:
        found = _types.from_json(data["column_types"], artifact)
        kinds = found if isinstance(found, TypedDict) else None
    dates: set[int] = set()
    arrays: dict[int, Any] = {}
    for at, column in enumerate(columns):
        for kind in _parts(kinds.map[str(column)]) if kinds is not None else ():
            if isinstance(kind, Timestamp):
                dates.add(at)
            elif isinstance(kind, NDArray) and kind.stored_at is not None:
                arrays[at] = _array(kind, artifact)
    rows = _increments(data, artifact) if mode == "INCREMENTAL" else data["data"]
    cells = [
        [_cell(value, at, number, dates, arrays, artifact) for at, value in enumerate(row)]
        for number, row in enumerate(rows)
    ]
    dtype = [kinds.map[str(column)] for column in columns] if kinds is not None else None
    table = cls(columns=columns, data=cells, dtype=dtype, log_mode=mode)
    if kinds is not None:
        table._column_types = TypedDict({column: kinds.map[str(column)] for column in columns})
    table._update_keys()
    return table


def _parts(kind: Type) -> list[Type]:
    return kind.allowed if isinstance(kind, Union) else [kind]


def _array(kind: NDArray, artifact: Any) -> Any:
    try:
        import numpy
    except ImportError:
        raise Error("Deserializing NumPy columns requires NumPy to be installed.") from None
    place = kind.stored_at or {}
    kind.stored_at = None
    with numpy.load(artifact.get_entry(place["path"]).download()) as file:
        return file[place["key"]]


def _cell(value: Any, at: int, row: int, dates: set[int], arrays: dict[int, Any], artifact: Any) -> Any:
    if at in arrays:
        return arrays[at][row]
    if at in dates and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value / 1000, tz=timezone.utc)
    if isinstance(value, dict) and "_type" in value:
        found = WBValue.init_from_json(value, artifact)
        return value if found is None else found
    return value


def _increments(data: Mapping[str, Any], artifact: Any) -> list[Any]:
    """The rows of all increments, in order."""
    from wandbd._term import termwarn

    if "latest" not in artifact.aliases:
        termwarn(
            "It is recommended to use the latest version of the incremental table artifact for ordering guarantees.",
            repeat=False,
        )
    rows: list[Any] = []
    if data.get("increment_num") is None:
        return rows
    entries = artifact.manifest.entries
    for path in sorted((path for path in entries if path.endswith(".table.json")), key=_order):
        with open(artifact.get_entry(path).download(), encoding="utf-8") as file:
            try:
                rows.extend(json.load(file)["data"])
            except (ValueError, KeyError) as error:
                raise Error(f"Invalid table file {path}") from error
    return rows


def _order(path: str) -> tuple[int, int]:
    """Increment and time of an entry `<increment>-<ms>.<key>.table.json`; the first one is called `None`."""
    number, _, ms = path.split(".")[0].partition("-")
    try:
        return (-1 if number == "None" else int(number), int(ms or 0))
    except ValueError:
        from wandbd._term import termwarn

        termwarn(
            f"Could not parse artifact entry for increment {path}. The entry name does not follow the naming "
            "convention <increment_number>-<timestamp>.<key>.table.json The data in the table will be out of order.",
            repeat=False,
        )
        return (0, 0)
