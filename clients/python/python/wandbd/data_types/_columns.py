"""Types of columns that hold media, class ids, and keys of other tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wandbd.data_types._types import ByName, Const, Invalid, Number, String, Type, TypedDict, Union, Unknown


class ImageFile(Type):
    """Pictures, with what their boxes and masks hold."""

    name = "image-file"
    _KEYS = ("box_layers", "box_score_keys", "mask_layers", "box_class_maps", "mask_class_maps", "class_map")

    def __init__(self, **parts: Any) -> None:
        """With the parts that are given; the rest is empty."""
        super().__init__()
        for key in self._KEYS:
            value = parts.get(key)
            if isinstance(value, Const):
                value = value.params["val"]
            if key == "box_score_keys":
                self.params[key] = Const(set(value or ()))
            elif key.endswith("_layers"):
                self.params[key] = Const({name: set(ids) for name, ids in (value or {}).items()})
            elif key.endswith("_maps"):
                self.params[key] = Const(
                    {str(name): {str(id): text for id, text in names.items()} for name, names in (value or {}).items()}
                )
            else:
                self.params[key] = Const(dict(value or {}))

    def part(self, key: str) -> Any:
        """One of the parts."""
        return self.params[key].params["val"]

    def assign_type(self, other: Type) -> Type:
        """All that both hold."""
        if not isinstance(other, ImageFile):
            return Invalid()
        if self.params == other.params:
            return self
        parts: dict[str, Any] = {"box_score_keys": self.part("box_score_keys") | other.part("box_score_keys")}
        for key in ("box_layers", "mask_layers"):
            mine, theirs = self.part(key), other.part(key)
            parts[key] = {name: set(mine.get(name, ())) | set(theirs.get(name, ())) for name in {**mine, **theirs}}
        for key in ("box_class_maps", "mask_class_maps"):
            mine, theirs = self.part(key), other.part(key)
            parts[key] = {name: {**theirs.get(name, {}), **mine.get(name, {})} for name in {**mine, **theirs}}
        parts["class_map"] = {**other.part("class_map"), **self.part("class_map")}
        return ImageFile(**parts)


class ClassesId(Type):
    """Ids of classes."""

    name = "classesId"

    def __init__(self, classes_obj: Any = None, valid_ids: Any = None) -> None:
        """Of the classes, or of the ids alone."""
        from wandbd.data_types._classes import Classes

        super().__init__()
        if classes_obj is None:
            ids = [Const(item) for item in valid_ids] if isinstance(valid_ids, list) else []
            union = valid_ids if isinstance(valid_ids, Union) else Union(ids)
            classes_obj = Classes(
                [{"id": kind.params["val"], "name": str(kind.params["val"])} for kind in union.allowed]
            )
        elif not isinstance(classes_obj, Classes):
            raise TypeError("valid_ids must be None, or instance of Classes")
        self.classes = classes_obj
        self.params["valid_ids"] = Union([Const(item["id"]) for item in classes_obj._class_set])

    def assign(self, value: Any) -> Type:
        """One of the ids."""
        return self.assign_type(Const(value))

    def assign_type(self, other: Type) -> Type:
        """One of the ids."""
        return Invalid() if isinstance(self.params["valid_ids"].assign_type(other), Invalid) else self

    def to_json(self, extras: Any = None) -> dict[str, Any]:
        """With the names: in an artifact as a file."""
        data = super().to_json(extras)
        path, classes = next(self.places())
        data.setdefault("params", {})["classes_obj"] = (
            classes._artifact_object() if extras is None else extras.add(path, classes, classes._file(path))
        )
        return data

    def places(self) -> Iterator[tuple[str, Any]]:
        """The classes, where artifacts hold them."""
        yield "media/cls.classes.json", self.classes


class TableType(Type):
    """Tables in a column of a table."""

    name = "table"

    def __init__(self, column_types: Any = None) -> None:
        """With these columns."""
        super().__init__()
        if isinstance(column_types, dict):
            column_types = TypedDict(column_types)
        self.params["column_types"] = Unknown() if column_types is None else column_types

    def assign_type(self, other: Type) -> Type:
        """The columns must fit."""
        if not isinstance(other, TableType):
            return Invalid()
        kinds = self.params["column_types"].assign_type(other.params["column_types"])
        return kinds if isinstance(kinds, Invalid) else TableType(kinds)


class PrimaryKey(Type):
    """Texts that name the rows of this table."""

    name = "primaryKey"

    def assign_type(self, other: Type) -> Type:
        """Texts."""
        return self if isinstance(other, (String, PrimaryKey)) else Invalid()


class _OfTable(Type):
    """What points into another table."""

    def __init__(self, table: Any, **more: Any) -> None:
        super().__init__()
        self.params.update(table=table, **more)

    def to_json(self, extras: Any = None) -> dict[str, Any]:
        if extras is None:
            raise AssertionError(f"{self.name} does not support serialization without an artifact")
        path, table = next(self.places())
        return {"wb_type": self.name, "params": {**self.params, "table": extras.add(path, table, path)}}

    def places(self) -> Iterator[tuple[str, Any]]:
        """The table, where artifacts hold it."""
        table = self.params["table"]
        yield f"media/tables/t_{table._token}.table.json", table


class ForeignKey(_OfTable):
    """Texts that are in a column of another table."""

    name = "foreignKey"

    def __init__(self, table: Any, col_name: str) -> None:
        """In this column of `table`."""
        assert isinstance(col_name, str)
        assert col_name in table.columns
        super().__init__(table, col_name=col_name)

    def assign_type(self, other: Type) -> Type:
        """Texts, and keys of the same column."""
        same = isinstance(other, ForeignKey) and (
            self.params["table"] is other.params["table"] and self.params["col_name"] == other.params["col_name"]
        )
        return self if same or isinstance(other, String) else Invalid()


class ForeignIndex(_OfTable):
    """Numbers of rows of another table."""

    name = "foreignIndex"

    def __init__(self, table: Any) -> None:
        """Of this table."""
        super().__init__(table)

    def assign_type(self, other: Type) -> Type:
        """Numbers, and indexes of the same table."""
        same = isinstance(other, ForeignIndex) and self.params["table"] is other.params["table"]
        return self if same or isinstance(other, Number) else Invalid()


class Key(str):
    """A text of a table that is a key."""

    _column_type = None
    _table: Any = None
    _col_name: str = ""

    def set_table(self, table: Any, col_name: str) -> None:
        """The table in which it is one."""
        assert col_name in table.columns
        self._table = table
        self._col_name = col_name

    def _type(self) -> Type:
        return ForeignKey(self._table, self._col_name)


class Index(int):
    """The number of a row of a table."""

    _column_type = None
    _table: Any = None

    def set_table(self, table: Any) -> None:
        """The table of the row."""
        self._table = table

    def get_row(self) -> dict[Any, Any]:
        """The row by its columns' names."""
        return dict(zip(self._table.columns, self._table.data[self], strict=False)) if self._table is not None else {}

    def _type(self) -> Type:
        return ForeignIndex(self._table)


_MEDIA = (
    "audio-file", "video-file", "html-file", "molecule-file", "object3D-file", "plotly-file", "bokeh-file",
    "joined-table", "partitioned-table", "artifactVersion",
)  # fmt: skip
_OLD_NAMES = {
    "wandb.Image": "image-file", "wandb.Table": "table", "wandb.Classes_id": "classesId",
    "wandb.TablePrimaryKey": "primaryKey", "wandb.TableForeignKey": "foreignKey",
    "wandb.TableForeignIndex": "foreignIndex",
}  # fmt: skip


def of_media(name: str, params: Mapping[str, Any], artifact: Any) -> Type:
    """A type of this module by the name that it has in JSON.

    Raises:
        TypeError: There is none.
    """
    name = _OLD_NAMES.get(name, name)
    if name in _MEDIA:
        return ByName(name)
    if name == "image-file":
        return ImageFile(**{key: value for key, value in params.items() if key in ImageFile._KEYS})
    if name == "table":
        return TableType(params.get("column_types"))
    if name == "primaryKey":
        return PrimaryKey()
    if name == "classesId":
        return _classes_id(params.get("classes_obj") or {}, artifact)
    if name in ("foreignKey", "foreignIndex"):
        table = artifact.get(params["table"]) if artifact is not None else None
        if table is None:
            raise AssertionError("Unable to deserialize referenced table")
        return ForeignIndex(table) if name == "foreignIndex" else ForeignKey(table, params["col_name"])
    raise TypeError(f"missing type handler for {name}")


def _classes_id(data: Mapping[str, Any], artifact: Any) -> Type:
    from wandbd.data_types._classes import Classes

    if data.get("type") == "classes-file":
        return ClassesId(artifact.get(data["path"]))
    return ClassesId(Classes.from_json(data))


class Extras:
    """Takes the objects that an artifact must hold beside a table."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        """None yet."""
        self.items: dict[str, Any] = {}

    def add(self, path: str, value: Any, answer: Any) -> Any:
        """Keep `value` for `path`; `answer` is what names it."""
        self.items[path] = value
        return answer

    def all(self) -> Iterable[tuple[str, Any]]:
        """Paths and objects."""
        return list(self.items.items())
