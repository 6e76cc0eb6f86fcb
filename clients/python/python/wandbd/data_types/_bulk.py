"""Many rows at once: from arrays and data frames, and what they make of the types of columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from wandbd.data_types._columns import Index, Key
from wandbd.data_types._types import (
    Any_,
    Boolean,
    ByName,
    Invalid,
    NoneType,
    Number,
    String,
    Timestamp,
    Type,
    TypedDict,
    Union,
    Unknown,
)

NONE, NUMBER, STRING, BOOL, TIMESTAMP, OTHER = 1, 2, 4, 8, 16, 32
"""Kinds of values, as `_core.scan_columns` finds them."""
_KINDS: tuple[tuple[int, Type], ...] = (
    (NONE, NoneType()),
    (NUMBER, Number()),
    (STRING, String()),
    (BOOL, Boolean()),
    (TIMESTAMP, Timestamp()),
)
_SIMPLE = (Any_, Unknown, NoneType, Number, String, Boolean, Timestamp)
_PLAIN = (str, int, bool, type(None))


def is_frame(value: Any) -> bool:
    """Whether it is a data frame of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and hasattr(pandas, "DataFrame") and isinstance(value, pandas.DataFrame)


def of_frame(frame: Any, columns: list[Any]) -> list[list[Any]]:
    """Rows of a data frame."""
    values = [frame[column].values for column in columns]
    if not values:
        return [[] for _ in range(len(frame))]
    return [list(row) for row in zip(*map(_listed, values), strict=True)]


def _listed(values: Any) -> Any:
    """A column with values of Python where they mean the same."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    plain = kind in "biufO" and hasattr(values, "tolist") and type(values).__module__.startswith("numpy")
    return values.tolist() if plain else list(values)


def of_array(array: Any) -> list[list[Any]]:
    """Rows of an array of numpy."""
    if array.ndim == 2 and array.dtype.kind in "biufO":
        rows: list[list[Any]] = array.tolist()
        return rows
    return [list(row) for row in array]


def types_after(columns: list[Any], types: TypedDict, rows: list[list[Any]]) -> TypedDict | None:
    """The types of columns after `rows`; None if that needs a look at each row: because something may not fit."""
    if not rows:
        return types
    import wandbd._core as core

    try:
        bits = core.scan_columns(rows)
    except ValueError:
        return None
    if len(bits) != len(columns) or len(set(columns)) != len(columns):
        return None
    after: dict[Any, Type] = {}
    for at, column in enumerate(columns):
        kind = _of_column(types.map[column], bits[at], rows, at)
        if kind is None:
            return None
        after[column] = kind
    return TypedDict(after)


def _of_column(kind: Type, bits: int, rows: list[list[Any]], at: int) -> Type | None:
    parts = kind.allowed if isinstance(kind, Union) else [kind]
    if not all(isinstance(part, _SIMPLE) for part in parts):
        bits = OTHER
    after: Type
    for bit, example in _KINDS if not bits & OTHER else ():
        if bits & bit:
            after = kind.assign_type(example)
            if isinstance(after, Invalid):
                return None
            kind = after
    if bits & OTHER:
        settled: set[type] = set()
        for row in rows:
            value = row[at]
            if type(value) in settled:
                continue
            if isinstance(value, (Key, Index)):
                return None
            after = kind.assign(value)
            if isinstance(after, Invalid):
                return None
            if after is kind and _says_all(value, kind):
                settled.add(type(value))
            kind = after
    return kind


def _says_all(value: Any, kind: Type) -> bool:
    """Whether any other value of its class would leave the type as it is, too."""
    parts = kind.allowed if isinstance(kind, Union) else [kind]
    if type(value) in _PLAIN:
        return all(isinstance(part, (*_SIMPLE, ByName)) for part in parts)
    if any(isinstance(part, Any_) for part in parts) and any(isinstance(part, NoneType) for part in parts):
        return True
    return getattr(type(value), "_column_type", None) is not None


def is_settled(before: TypedDict, after: TypedDict, columns: list[Any], data: Sequence[Any]) -> bool:
    """Whether any other row of values of the same classes would leave the types as they are, too."""
    for column, value in zip(columns, data, strict=True):
        kind = after.map[column]
        if kind != before.map[column]:
            return False
        if type(value) is float:  # it may be NaN, which counts as None
            if not isinstance(kind, Union) or not any(isinstance(part, NoneType) for part in kind.allowed):
                return False
        elif not _says_all(value, kind) or isinstance(value, (Key, Index)):
            return False
    return True
