"""`Table`: rows with typed columns.

A table that is made of many plain rows at once costs one pass over them in compiled code: which kinds of values are in
which column. The types of W&B are worked out from that, and only cells of other kinds are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from wandbd._errors import Error
from wandbd.data_types import _bulk
from wandbd.data_types._columns import ForeignIndex, ForeignKey, Index, Key, PrimaryKey, TableType
from wandbd.data_types._media import Media, Sender, WBValue, new_id
from wandbd.data_types._types import Any_, Invalid, Type, TypedDict, Unknown, from_dtype, is_ndarray, optional, type_of

LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")


class Table(Media):
    """Rows with typed columns: numbers, texts, dates, arrays, pictures and other media."""

    MAX_ROWS: ClassVar[int] = 10_000
    """How many rows the file of the run shows; the artifact has all, up to `MAX_ARTIFACT_ROWS`."""
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000
    _MAX_EMBEDDING_DIMENSIONS: ClassVar[int] = 150
    _log_type = "table"
    _dir = "table"

    def __init__(
        self,
        columns: list[Any] | None = None,
        data: Any = None,
        rows: list[Any] | None = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        """A table of what is given.

        Args:
            columns: Names, texts or integers; `["Input", "Output", "Expected"]` without it. A frame has its own.
            data: A list of rows, a 2-D array of numpy, or a data frame of pandas.
            rows: Old name of `data`.
            dataframe: A data frame of pandas.
            dtype: The type of all columns, or a list of one for each.
            optional: Whether columns may hold None; or a list of one for each.
            allow_mixed_types: Whether columns may hold values of any type.
            log_mode: `IMMUTABLE`: logged once; `MUTABLE`: again after changes; `INCREMENTAL`: only new rows each time.

        Raises:
            ValueError: A row is longer or shorter than `columns`.
            TypeError: A value does not fit its column.
        """
        super().__init__()
        assert log_mode in LOG_MODES, f"Invalid log_mode: {log_mode}. Must be one of {list(LOG_MODES)}"
        self.log_mode = log_mode
        self._increment_num: int | None = None
        self._last_logged_idx: int | None = None
        self._previous_increments_paths: list[str] | None = None
        self._increments_of: str | None = None
        self._token = new_id()[:8]
        self._pk_col: Any = None
        self._fk_cols: set[Any] = set()
        self._kinds: set[tuple[type, ...]] = set()
        self.data: list[list[Any]] = []
        if allow_mixed_types:
            dtype = Any_
        frame = dataframe if dataframe is not None else data if _bulk.is_frame(data) else None
        if frame is not None:
            assert _bulk.is_frame(frame), "dataframe argument expects a `pandas.core.frame.DataFrame` object"
            columns = list(frame.columns)
        self.columns: list[Any] = ["Input", "Output", "Expected"] if columns is None else columns
        self._check_columns()
        self._make_column_types(dtype, optional)
        if frame is not None:
            self._add_all(_bulk.of_frame(frame, self.columns))
        elif is_ndarray(data):
            self._add_all(_bulk.of_array(data))
        else:
            given = data if data is not None else rows if rows is not None else []
            assert isinstance(given, list), "data argument expects a `list` object"
            self._add_all([list(row) for row in given])

    def _check_columns(self) -> None:
        assert isinstance(self.columns, list), "columns argument expects a `list` object"
        assert all(type(column) in (str, int) for column in self.columns), (
            "columns argument expects list of strings or ints"
        )

    def _make_column_types(self, dtype: Any, optional: Any) -> None:
        self._column_types = TypedDict({})
        kinds = dtype if isinstance(dtype, list) else [Unknown() if dtype is None else dtype] * len(self.columns)
        may = optional if isinstance(optional, list) else [optional] * len(self.columns)
        for column, kind, can_be_none in zip(self.columns, kinds, may, strict=False):
            self.cast(column, kind, can_be_none)

    def _add_all(self, rows: list[list[Any]]) -> None:
        """Add rows, which nobody else holds."""
        types = _bulk.types_after(self.columns, self._column_types, rows)
        if types is None:  # something does not fit, or is a key: row by row, which says what
            for row in rows:
                self._add(row)
            return
        self._column_types = types
        self.data = rows

    # Changes

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> Type:
        """Give a column another type.

        Args:
            col_name: The column.
            dtype: A Python class, a type of W&B, a list or dict of them, or a value that is meant itself.
            optional: Whether it may hold None.

        Raises:
            TypeError: One of its values does not fit.
        """
        self._before_change()
        assert col_name in self.columns
        kind: Type = from_dtype(dtype)
        if optional:
            kind = _optional(kind)
        at = self.columns.index(col_name)
        for row in self.data:
            after = kind.assign(row[at])
            if isinstance(after, Invalid):
                raise TypeError(f"Existing data {row[at]}, of type {type_of(row[at])} cannot be cast to {kind}")
            kind = after
        if isinstance(kind, (PrimaryKey, ForeignKey, ForeignIndex)):
            assert not optional, "Primary keys, foreign keys, and foreign indexes cannot be optional."
            if kind.params.get("table") is self:
                raise AssertionError("Cannot set a foreign table reference to same table.")
        if isinstance(kind, PrimaryKey):
            assert self._pk_col is None, (
                f"Cannot have multiple primary keys - {self._pk_col} is already set as the primary key."
            )
        self._column_types.map[col_name] = kind
        self._kinds.clear()
        self._update_keys()
        return kind

    def add_row(self, *row: Any) -> None:
        """Old name of `add_data`."""
        from wandbd._term import termwarn

        termwarn("add_row is deprecated, use add_data", repeat=False)
        self.add_data(*row)

    def add_data(self, *data: Any) -> None:
        """Add a row: one value for each column.

        Raises:
            ValueError: There are more or fewer values than columns.
            TypeError: A value does not fit its column.
        """
        self._before_change()
        self._add(data)
        self._after_append()

    def _add(self, data: Sequence[Any]) -> None:
        kinds = tuple(map(type, data))
        if kinds in self._kinds:  # a row of these kinds was added, and changed no type
            self.data.append(list(data))
            return
        if len(data) != len(self.columns):
            raise ValueError(f"This table expects {len(self.columns)} columns: {self.columns}, found {len(data)}")
        for column, item in zip(self.columns, data, strict=True):
            if isinstance(item, (Key, Index)):
                self.cast(column, type_of(item), optional=False)
        before = self._column_types
        row = dict(zip(self.columns, data, strict=True))
        after = before.assign(row)
        if not isinstance(after, TypedDict):
            raise TypeError(f"Data row contained incompatible types:\n{before.explain(row)}")
        if _bulk.is_settled(before, after, self.columns, data):
            self._kinds.add(kinds)
        self._column_types = after
        self.data.append(list(data))
        self._update_keys(force_last=True)

    def _before_change(self) -> None:
        if self.log_mode == "MUTABLE":
            self._sent = {}
            self._artifact_target = None
        elif self.log_mode == "IMMUTABLE" and self.has_been_logged():
            from wandbd._term import termwarn

            termwarn(
                "You are mutating a Table with log_mode='IMMUTABLE' that has been logged already. Subsequent log() "
                "calls will have no effect. Set log_mode='MUTABLE' to enable re-logging after mutations",
                repeat=False,
            )

    def _after_append(self) -> None:
        """The next `log` of an incremental table is another increment."""
        if self.log_mode != "INCREMENTAL" or self._artifact_target is None:
            return
        url = self._get_artifact_entry_ref_url()
        self._previous_increments_paths = [*(self._previous_increments_paths or []), *([url] if url else [])]
        self._sent = {}
        self._artifact_target = None
        self._increment_num = (self._increment_num or 0) + 1
        if self._increment_num > 99:
            from wandbd._term import termwarn

            termwarn(
                "You have exceeded 100 increments for this table. Only the latest 100 increments will be visualized in "
                "the run workspace.",
                repeat=False,
            )

    def _not_incremental(self, what: str) -> None:
        if self.log_mode == "INCREMENTAL":
            raise Error(
                f"Operation '{what}' is not supported for tables with log_mode='INCREMENTAL'. Use a different log mode "
                "like 'MUTABLE' or 'IMMUTABLE'."
            )

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column.

        Args:
            name: A new one.
            data: A list or array with a value for each row.
            optional: Whether it may hold None.

        Raises:
            TypeError: The values are of different types.
        """
        self._not_incremental("add_column")
        self._before_change()
        assert isinstance(name, str)
        assert name not in self.columns
        assert isinstance(data, list) or is_ndarray(data)
        assert isinstance(optional, bool)
        first = not self.columns
        assert first or len(data) == len(self.data), f"Expected length {len(self.data)}, found {len(data)}"
        before = self.data
        self.data = [[*row, item] for row, item in zip([[]] * len(data) if first else before, data, strict=True)]
        self.columns.append(name)
        try:
            self.cast(name, Unknown(), optional=optional)
        except TypeError:
            self.columns.pop()
            self.data = before
            raise

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], dict[str, Any]]) -> None:
        """Add columns that are computed of others.

        Args:
            fn: Takes the number of a row and the row by its columns; gives values by the names of new columns.
        """
        self._not_incremental("add_computed_columns")
        found: dict[str, list[Any]] = {}
        for at, row in self.iterrows():
            new = fn(at, dict(zip(self.columns, row, strict=True)))
            assert isinstance(new, dict)
            for key, value in new.items():
                found.setdefault(key, []).append(value)
        for key, values in found.items():
            self.add_column(key, values)

    # Keys

    def set_pk(self, col_name: Any) -> None:
        """Make a column of texts the key of the rows."""
        self._before_change()
        assert col_name in self.columns
        self.cast(col_name, PrimaryKey())

    def set_fk(self, col_name: Any, table: Table, table_col: str) -> None:
        """Say that a column of texts names rows of another table."""
        self._before_change()
        assert col_name in self.columns
        assert col_name != self._pk_col
        self.cast(col_name, ForeignKey(table, table_col))

    def _update_keys(self, force_last: bool = False) -> None:
        kinds = self._column_types.map
        pk = next((column for column, kind in kinds.items() if isinstance(kind, PrimaryKey)), None)
        fks = {column for column, kind in kinds.items() if isinstance(kind, (ForeignKey, ForeignIndex))}
        if pk is None and not fks and self._pk_col is None and not self._fk_cols:
            return
        changed = pk != self._pk_col or fks != self._fk_cols
        if pk is None and self._pk_col is not None:
            raise AssertionError(f"Cannot unset primary key (column {self._pk_col})")
        if self._fk_cols - fks:
            raise AssertionError(f"Cannot unset foreign key. Attempted to unset ({self._fk_cols - fks})")
        self._pk_col, self._fk_cols = pk, fks
        for row in self.data if changed else self.data[-1:] if force_last else ():
            self._wrap(row)

    def _wrap(self, row: list[Any]) -> None:
        for column in self._fk_cols:
            at, kind = self.columns.index(column), self._column_types.map[column]
            if isinstance(kind, ForeignKey) and not isinstance(row[at], Key):
                row[at] = Key(row[at])
                row[at].set_table(kind.params["table"], kind.params["col_name"])
            elif isinstance(kind, ForeignIndex) and not isinstance(row[at], Index):
                row[at] = Index(row[at])
                row[at].set_table(kind.params["table"])
        if self._pk_col is not None:
            at = self.columns.index(self._pk_col)
            row[at] = Key(row[at])
            row[at].set_table(self, self._pk_col)

    # Reading

    def iterrows(self) -> Iterator[tuple[Index, list[Any]]]:
        """The rows with their numbers. A number, put into another table, makes a link."""
        for at, row in enumerate(self.data):
            yield self.index_ref(at), row

    def get_index(self) -> list[Index]:
        """The numbers of the rows, to be put into another table as links."""
        return [self.index_ref(at) for at in range(len(self.data))]

    def index_ref(self, index: int) -> Index:
        """The number of a row, to be put into another table as a link."""
        assert index < len(self.data)
        number = Index(index)
        number.set_table(self)
        return number

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """The values of a column: a list, or with `convert_to="numpy"` an array."""
        assert name in self.columns
        assert convert_to in (None, "numpy")
        at = self.columns.index(name)
        values = [row[at] for row in self.data]
        if convert_to is None:
            return values
        try:
            import numpy
        except ImportError:
            raise Error("Converting to NumPy requires installing NumPy") from None
        return numpy.array([item.to_data_array() if isinstance(item, WBValue) else item for item in values])

    def get_dataframe(self) -> Any:
        """The table as a data frame of pandas."""
        try:
            import pandas
        except ImportError:
            raise Error("Converting to pandas.DataFrame requires installing pandas") from None
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def has_been_logged(self) -> bool:
        """Whether a run or an artifact has it."""
        return bool(self._sent) or self._artifact_target is not None

    @classmethod
    def from_json(cls, json_obj: Any, source_artifact: Any) -> Table:
        """The table that an artifact holds."""
        from wandbd.data_types._table_read import read

        return read(cls, json_obj, source_artifact)

    def _eq_debug(self, other: Any, should_assert: bool = False) -> bool:
        same = (
            isinstance(other, Table)
            and self.columns == other.columns
            and len(self.data) == len(other.data)
            and self._column_types == other._column_types
            and all(_same(mine, theirs) for mine, theirs in zip(self.data, other.data, strict=True))
        )
        assert same or not should_assert, f"Found {other}, expected {self}"
        return same

    def __eq__(self, other: object) -> bool:
        """With the same columns and rows."""
        return self is other or self._eq_debug(other)

    __hash__ = Media.__hash__

    # Sending

    def _type(self) -> Type:
        return TableType(self._column_types)

    @staticmethod
    def _empty_type() -> Type:
        return TableType()

    def _artifact_snapshot(self) -> Table:
        """The table as it is now."""
        from copy import copy

        other = copy(self)
        other.data, other.columns, other._sent = list(self.data), list(self.columns), {}
        return other

    def _in_row(self, to: Sender) -> Any:
        from wandbd.data_types._table_log import log

        return log(self, to)

    def _row_object(self, to: Sender) -> dict[str, Any]:
        found = super()._row_object(to)
        if self.log_mode == "INCREMENTAL":
            found.update(self._increments(), _type="incremental-table-file")
        else:
            found["_type"] = "table-file"
        return {**found, "ncols": len(self.columns), "nrows": len(self.data), "log_mode": self.log_mode}

    def _increments(self) -> dict[str, Any]:
        self._previous_increments_paths = self._previous_increments_paths or []
        self._increment_num = self._increment_num or 0
        return {
            "increment_num": self._increment_num,
            "previous_increments_paths": self._previous_increments_paths,
        }

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        from wandbd.data_types._table_log import content

        return content(self, id, to)

    def _extras(self) -> Iterable[tuple[str, WBValue]]:  # type: ignore[override]
        from wandbd.data_types._table_log import extras

        return extras(self)

    def __repr__(self) -> str:
        """Its size."""
        return f"<Table of {len(self.data)} rows with columns {self.columns}>"


def _optional(kind: Type) -> Type:
    return optional(kind)


def _same(mine: list[Any], theirs: list[Any]) -> bool:
    for one, other in zip(mine, theirs, strict=False):
        equal = one == other
        if not (bool(equal.all()) if hasattr(equal, "all") else equal):
            return False
    return len(mine) == len(theirs)
