"""Tables that are made of others: `JoinedTable` and `PartitionedTable`."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from wandbd.data_types._media import Media, Sender, WBValue
from wandbd.data_types._table import Table


class PartitionedTable(Media):
    """A table made of all tables in a folder of an artifact."""

    _log_type = "partitioned-table"
    _column_type = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        """Of the tables below `parts_path`."""
        super().__init__()
        self.parts_path = parts_path
        self._parts: dict[str, Any] = {}

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> PartitionedTable:
        """The table that an artifact holds."""
        table = cls(json_obj["parts_path"])
        for entry in source_artifact.manifest.get_entries_in_directory(json_obj["parts_path"]):
            table._parts[str(entry.path)] = source_artifact
        return table

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows of all parts with their numbers.

        Raises:
            ValueError: Parts have different columns.
        """
        columns: list[Any] | None = None
        number = 0
        for path, artifact in self._parts.items():
            part = artifact.get(path)
            if columns is not None and columns != part.columns:
                raise ValueError(f"Table parts have non-matching columns. {columns} != {part.columns}")
            columns = part.columns
            for row in part.data:
                yield number, row
                number += 1

    def _artifact_object(self) -> dict[str, Any]:
        return {"_type": self._log_type, "parts_path": self.parts_path}

    def _in_row(self, to: Sender) -> Any:
        from wandbd.data_types._table_log import log_joined

        if self._artifact_target is None:
            raise ValueError("PartitionedTables must first be added to an Artifact before logging to a Run")
        return log_joined(self, to)

    def __eq__(self, other: object) -> bool:
        """Of the same folder."""
        return isinstance(other, PartitionedTable) and self.parts_path == other.parts_path

    __hash__ = Media.__hash__


class JoinedTable(Media):
    """Two tables side by side."""

    _log_type = "joined-table"
    _column_type = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        """Join two tables.

        Args:
            table1: A table, the path of one in the artifact that this one is added to, or an entry of another artifact.
            table2: The same.
            join_key: The column in which they agree, or a list of one for each.

        Raises:
            ValueError: One of them is none of these.
        """
        super().__init__()
        if not isinstance(join_key, str) and not (isinstance(join_key, list) and len(join_key) == 2):
            raise ValueError("JoinedTable join_key should be a string or a list of two strings")
        for name, table in (("table1", table1), ("table2", table2)):
            if not _is_table(table):
                raise ValueError(f"JoinedTable {name} should be an artifact path to a table or wandb.Table object")
        self._table1 = table1
        self._table2 = table2
        self._join_key = join_key

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> JoinedTable:
        """The table that an artifact holds."""
        tables = [source_artifact.get(json_obj[name]) or json_obj[name] for name in ("table1", "table2")]
        return cls(tables[0], tables[1], json_obj["join_key"])

    def _path_of(self, number: int) -> str:
        table = self._table1 if number == 1 else self._table2
        if isinstance(table, str):
            return table
        if isinstance(table, WBValue):
            mine, its = self._artifact_target, table._artifact_target
            if mine is not None and its is not None and its.artifact is not None and its.artifact is mine.artifact:
                return table.with_suffix(its.name)  # it was added there before
            source = table._artifact_source
            name = os.path.basename(source.name) if source is not None and source.name else f"t{number}_{id(self)}"
            return table.with_suffix(name)
        kind = str(table.path).split(".")[-2]
        return f"{b64decode(table.digest).hex()[:20]}.{kind}.json"

    def _artifact_object(self) -> dict[str, Any]:
        return {
            "_type": self._log_type,
            "table1": self._path_of(1),
            "table2": self._path_of(2),
            "join_key": self._join_key,
        }

    def _check_artifact(self, entries: Any) -> None:
        for table in (self._table1, self._table2):
            if isinstance(table, str) and table not in entries:
                raise ValueError(
                    f"JoinedTable table:{table} not found in artifact. Add a table to the artifact using "
                    f"Artifact#add(<table>, {table}) before adding this JoinedTable"
                )

    def _references(self) -> Iterator[dict[str, Any]]:
        for number, table in ((1, self._table1), (2, self._table2)):
            if not isinstance(table, (str, WBValue)):
                size = getattr(table, "size", None) or 0
                yield {
                    "path": self._path_of(number),
                    "reference": str(table.ref_url()),
                    "digest": table.digest,
                    "size": size,
                }

    def _extras(self) -> Iterator[tuple[str, WBValue]]:
        for number, table in ((1, self._table1), (2, self._table2)):
            if isinstance(table, WBValue):
                yield self._path_of(number), table

    def _in_row(self, to: Sender) -> Any:
        from wandbd.data_types._table_log import log_joined

        return log_joined(self, to)

    def __eq__(self, other: object) -> bool:
        """Of the same tables by the same key."""
        return isinstance(other, JoinedTable) and (
            self._join_key == other._join_key and self._table1 == other._table1 and self._table2 == other._table2
        )

    __hash__ = Media.__hash__


def _is_table(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(".table.json")
    if isinstance(value, (Table, PartitionedTable)):
        return True
    return hasattr(value, "ref_url") and str(value.ref_url()).endswith(".table.json")
