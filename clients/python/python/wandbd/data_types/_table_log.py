"""How a table is logged: its rows, its media, its artifact, and what stands in the row of the run."""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from wandbd.data_types._arrays import raw
from wandbd.data_types._columns import ClassesId, Extras, ForeignIndex, ForeignKey, Index, Key
from wandbd.data_types._media import PLACE, Media, NoRoom, Sender, Target, WBValue, artifact_files, dumps, new_id, plain
from wandbd.data_types._table import Table
from wandbd.data_types._types import List, NDArray, Number, Type, Union, is_ndarray

_FETCH_S = 5.0
_DATES = ("date", "datetime")


def log(table: Table, to: Sender) -> dict[str, str]:
    """Send a table that is logged under a key, with its artifact; what stands in the row."""
    known = table._sent.get(str(to.run.session))
    if known is not None and table._artifact_target is not None:
        return {PLACE: known}
    import wandbd._core as core

    incremental = table.log_mode == "INCREMENTAL"
    entry, name, kind = to.key, f"run-{to.run.run_id}-{to.key}", "run_table"
    if incremental:
        _resume(table, to)
        entry = f"{table._increment_num}-{time.time_ns() // 1_000_000}.{to.key}"
        name, kind = f"run-{to.run.run_id}-incr-{to.key}", "wandb-run-incremental-table"
    client_id, sequence_client_id = core.random_id(), core.random_id()
    if table._artifact_target is None or table._artifact_target.artifact is None:  # not one of the user's artifacts
        table._artifact_target = Target(None, entry, client_id, sequence_client_id)
    files = artifact_files(table, table.with_suffix(entry), to.run)
    said = {
        "name": legal(name),
        "type": kind,
        "alias": ["latest"],
        "file": files,
        "client_id": client_id,
        "sequence_client_id": sequence_client_id,
        "incremental": incremental,
        "history_step": to.run.step,
    }
    if to.run.log_artifact(said) is False:
        table._sent.pop(str(to.run.session), None)
        raise NoRoom
    if incremental:
        table._last_logged_idx = len(table.data) - 1
    return {PLACE: files[0]["media"]}


def log_joined(obj: Media, to: Sender) -> dict[str, Any]:
    """Send a joined or partitioned table that is logged under a key, with its artifact."""
    import wandbd._core as core

    if obj._artifact_target is None:
        client_id, sequence_client_id = core.random_id(), core.random_id()
        obj._artifact_target = Target(None, to.key, client_id, sequence_client_id)
        said = {
            "name": legal(f"run-{to.run.run_id}-{to.key}"),
            "type": "run_table",
            "alias": ["latest"],
            "file": artifact_files(obj, obj.with_suffix(to.key), to.run),
            "client_id": client_id,
            "sequence_client_id": sequence_client_id,
            "history_step": to.run.step,
        }
        if to.run.log_artifact(said) is False:
            obj._artifact_target = None
            raise NoRoom
    return {"_type": obj._log_type, "artifact_path": obj._get_artifact_entry_ref_url()}


def legal(name: str) -> str:
    """An artifact's name without what cannot be in one; a changed name ends with a check sum of the original."""
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "", name)
    if kept == name:
        return name
    check = (
        urlsafe_b64encode(crc32(name.encode("utf-8", "surrogatepass")).to_bytes(4, "big")).rstrip(b"=").decode("ascii")
    )
    return f"{kept}-{check}"


def _resume(table: Table, to: Sender) -> None:
    """An incremental table belongs to one run, and goes on where the run left it when that was resumed."""
    if table._increments_of is None:
        table._increments_of = str(to.run.session)
    elif table._increments_of != str(to.run.session):
        raise AssertionError("An incremental Table can only be logged to one Run.")
    if table._increment_num is not None or table._previous_increments_paths is not None:
        return
    if not to.run.info(0.0).get("resumed"):
        return
    run = to.run.fetch(_FETCH_S)
    before = json.loads((run or {}).get("summary_json") or "{}").get(to.key)
    if isinstance(before, dict) and before.get("_type") == "incremental-table-file":
        paths = list(before.get("previous_increments_paths", []))
        table._previous_increments_paths = paths + ([before["artifact_path"]] if before.get("artifact_path") else [])
        table._increment_num = int(before.get("increment_num", 0)) + 1


# Content


class _StoredCell:
    """An array that lies in a file of the artifact; only the file of the run shows it."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array


def content(table: Table, id: str, to: Sender) -> dict[str, Any]:
    """Send the rows; the fields of `Media`."""
    first = 0
    if table.log_mode == "INCREMENTAL" and table._last_logged_idx is not None:
        first = table._last_logged_idx + 1
    rows = table.data
    if first or len(rows) > table.MAX_ARTIFACT_ROWS:
        rows = rows[first : first + table.MAX_ARTIFACT_ROWS]
    _say_limits(table, len(table.data) - first, to)
    stored, wrapped = _stored(table, rows)
    if to.run.table_rows(id, 0, wrapped, lambda value: cell(value, to)) is False:
        raise NoRoom
    more: dict[str, Any] = {"log_mode": table.log_mode}
    if table.log_mode == "INCREMENTAL":
        more.update(table._increments())
    return {
        "dir": "table",
        "extension": ".table.json",
        "table": {
            "rows": id,
            "first_row": 0,
            "row_count": len(rows),
            "columns_json": dumps(table.columns),
            "column_types_json": json.dumps(plain(table._column_types.to_json(Extras()))),
            "extra_json": json.dumps(more),
            "run_rows": table.MAX_ROWS,
            "stored": stored,
        },
    }


def _say_limits(table: Table, count: int, to: Sender) -> None:
    from wandbd import _registry
    from wandbd._term import termwarn

    limit = table.MAX_ARTIFACT_ROWS
    if count > limit:
        settings = next((run._settings for run in _registry.runs() if run.session == to.run.session), None)
        if getattr(settings, "table_raise_on_max_row_limit_exceeded", None) or getattr(settings, "strict", None):
            raise ValueError(
                f"Table row limit exceeded: table has {count} rows, limit is {limit}. To increase the maximum number "
                "of allowed rows in a wandb.Table, override the limit with `wandb.Table.MAX_ARTIFACT_ROWS = X` and try "
                "again. Note: this may cause slower queries in the W&B UI."
            )
        termwarn(
            f"Table '{to.key}' has {count} rows: only the first {limit} are kept. For more, set "
            "`wandb.Table.MAX_ARTIFACT_ROWS`."
        )
    if count > table.MAX_ROWS:
        termwarn(
            f"Table '{to.key}' has {count} rows: the run's own file shows the first {table.MAX_ROWS}, the artifact has "
            f"{min(count, limit)}.",
            repeat=False,
        )


def _ndarray(kind: Type) -> NDArray | None:
    parts = kind.allowed if isinstance(kind, Union) else [kind]
    return next((part for part in reversed(parts) if isinstance(part, NDArray)), None)


def _stored(table: Table, rows: list[list[Any]]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """Columns of larger arrays, which lie in files of their own; and the rows with marks in their places."""
    stored: list[dict[str, Any]] = []
    places: list[int] = []
    for at, column in enumerate(table.columns):
        array = _ndarray(table._column_types.map[column])
        if array is None:
            continue
        if len(array.shape) == 1 and array.shape[0] <= table._MAX_EMBEDDING_DIMENSIONS:
            table._column_types.map[column] = List(Number, array.shape[0])
            continue
        import numpy

        whole = numpy.array([row[at] for row in rows])
        if whole.dtype.kind not in "biuf":  # some are missing: they stay where they are
            continue
        path = f"media/serialized_data/{column}_{new_id()[:8]}.npz"
        array.stored_at = {"path": path, "key": str(column)}
        stored.append({"path": path, "key": str(column), "array": raw(whole).fields()})
        places.append(at)
    if not places:
        return stored, rows
    wrapped = [list(row) for row in rows]
    for row in wrapped:
        for at in places:
            row[at] = _StoredCell(row[at])
    return stored, wrapped


def cell(value: Any, to: Sender) -> Any:
    """A cell that the core does not know: a plain value, or a pair that says what it is."""
    if isinstance(value, WBValue):
        return ("media", value._send(to))
    if isinstance(value, Key):
        return str.__str__(value)
    if isinstance(value, Index):
        return int(value)
    if isinstance(value, _StoredCell):
        return ("stored", dumps(value.array))
    kind = type(value).__name__
    if kind == "datetime64":
        return _date64(value)
    if is_ndarray(value) or type(value) in (list, tuple, dict, set, frozenset):
        return _nested(value, to)
    if kind == "Decimal":
        return float(value)
    found = plain(value)
    return found if found is None or isinstance(found, (str, int, float, bool)) else ("json", json.dumps(found))


def _date64(value: Any) -> Any:
    import numpy

    if numpy.isnat(value):
        return None
    ms = int(value.astype("datetime64[ms]").astype("int64"))
    day = value.item()
    if not hasattr(day, "isoformat"):  # nanoseconds
        day = value.astype("datetime64[us]").item()
    return ("date", ms, day.isoformat() if hasattr(day, "isoformat") else str(value))


def _nested(value: Any, to: Sender) -> Any:
    if not _has_media(value):
        return ("json", json.dumps(plain(value)))
    id = new_id()
    artifact = json.dumps(plain(_places(value, to)), sort_keys=True)
    if to.run.media({"id": id, "row_json": dumps(_names(value)), "artifact_json": artifact}) is False:
        raise NoRoom
    return ("media", id)


def _has_media(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_media, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_has_media, value))
    return isinstance(value, WBValue)


def _names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _names(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_names(item) for item in value]
    return type(value).__name__ if isinstance(value, WBValue) else value


def _places(value: Any, to: Sender) -> Any:
    if isinstance(value, dict):
        return {key: _places(item, to) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_places(item, to) for item in value]
    return value._place(to) if isinstance(value, WBValue) else value


def extras(table: Table) -> Iterator[tuple[str, WBValue]]:
    """What else an artifact must hold for a table."""
    for at, column in enumerate(table.columns):
        parts = _parts(table._column_types.map[column])
        if any(part.name in ("image-file", "any", "list", "typedDict", "table", "pythonObject") for part in parts):
            for row in table.data:
                yield from _extras_in(row[at])
        for part in parts:
            if isinstance(part, (ClassesId, ForeignKey, ForeignIndex)):
                yield from part.places()


def _parts(kind: Type) -> list[Type]:
    return kind.allowed if isinstance(kind, Union) else [kind]


def _extras_in(value: Any) -> Iterator[tuple[str, WBValue]]:
    if isinstance(value, WBValue):
        yield from value._extras()
    elif isinstance(value, dict):
        for item in value.values():
            yield from _extras_in(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _extras_in(item)
