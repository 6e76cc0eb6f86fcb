"""W&B's types of table columns, and what a value or another type makes of a type.

`assign` gives the type that a column has after a value was added to it, `Invalid` if the value does not fit. The order
of the types in a union is that of their texts, as W&B writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar


class Type:
    """A type without parameters; the root of all."""

    name: ClassVar[str] = ""

    def __init__(self) -> None:
        """Without parameters."""
        self.params: dict[str, Any] = {}

    def assign(self, value: Any) -> Type:
        """The type after `value`."""
        return self.assign_type(type_of(value))

    def assign_type(self, other: Type) -> Type:
        """The type after a value of type `other`."""
        return self if isinstance(other, type(self)) and self.params == other.params else Invalid()

    def to_json(self, extras: Any = None) -> dict[str, Any]:
        """The JSON form; `extras` takes the objects that an artifact must hold for it."""
        params = _to_json(self.params, extras)
        return {"wb_type": self.name, "params": params} if params else {"wb_type": self.name}

    def explain(self, value: Any, depth: int = 0) -> str:
        """Why `value` does not fit."""
        kind = type_of(value)
        return (
            f"{'	' * depth}{kind} not assignable to {self}"
            if depth
            else f"{value} of type {kind} is not assignable to {self}"
        )

    def __repr__(self) -> str:
        """The name and the parameters."""
        inside = ", ".join(f"{key}:{value}" for key, value in self.params.items())
        return self.name.capitalize() + (f"({inside})" if inside else "")

    def __eq__(self, other: object) -> bool:
        """Of the same name with the same parameters."""
        return self is other or (isinstance(other, Type) and self.name == other.name and self.params == other.params)

    __hash__ = object.__hash__


def _to_json(value: Any, extras: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_json(item, extras) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json(item, extras) for item in value]
    return value.to_json(extras) if isinstance(value, Type) else value


class Invalid(Type):
    """What comes of a value that does not fit."""

    name = "invalid"

    def assign_type(self, other: Type) -> Type:
        """Nothing helps."""
        return self


class Any_(Type):
    """Everything but None."""

    name = "any"

    def assign_type(self, other: Type) -> Type:
        """Stays."""
        return Invalid() if isinstance(other, (NoneType, Invalid)) else self


class Unknown(Type):
    """Whatever comes first, but None."""

    name = "unknown"

    def assign_type(self, other: Type) -> Type:
        """Becomes the other."""
        return Invalid() if isinstance(other, NoneType) else other


class NoneType(Type):
    """None, and NaN too."""

    name = "none"


class String(Type):
    """Text."""

    name = "string"


class Number(Type):
    """Integers, floats and complex numbers."""

    name = "number"


class Timestamp(Type):
    """Dates and times."""

    name = "timestamp"


class Boolean(Type):
    """True and false."""

    name = "boolean"


class ByName(Type):
    """One of the types that are nothing but a name: those of media."""

    def __init__(self, name: str) -> None:
        """With this name."""
        super().__init__()
        self.name = name  # type: ignore[misc]

    def assign_type(self, other: Type) -> Type:
        """Fits its own kind."""
        return self if isinstance(other, ByName) and other.name == self.name else Invalid()


class PythonObject(Type):
    """Any other object."""

    name = "pythonObject"

    def __init__(self, class_name: str) -> None:
        """Of this class."""
        super().__init__()
        self.params["class_name"] = class_name


class Const(Type):
    """One value, or one of a set."""

    name = "const"

    def __init__(self, val: Any = None, is_set: bool = False) -> None:
        """Of this value."""
        super().__init__()
        many = is_set or isinstance(val, set)
        self.params.update(val=set(val) if many else val, is_set=True if many else is_set)

    def assign(self, value: Any) -> Type:
        """Fits itself."""
        return self.assign_type(Const(value))

    def __repr__(self) -> str:
        """The value."""
        return str(self.params["val"])


class Union(Type):
    """One of several types."""

    name = "union"

    def __init__(self, allowed_types: Iterable[Any] = ()) -> None:
        """Of what is given, and of what unions in it hold."""
        super().__init__()
        self.params["allowed_types"] = _sorted(from_dtype(item) for item in allowed_types)

    @property
    def allowed(self) -> list[Type]:
        """The types."""
        allowed: list[Type] = self.params["allowed_types"]
        return allowed

    def assign(self, value: Any) -> Type:
        """The first that fits takes it."""
        return self._after(lambda kind: kind.assign(value))

    def assign_type(self, other: Type) -> Type:
        """Each type of the other must fit."""
        result: Type = self
        for kind in other.allowed if isinstance(other, Union) else [other]:
            if not isinstance(result, Union):
                break
            result = result._after(lambda mine, kind=kind: mine.assign_type(kind))
        return result

    def _after(self, assign: Any) -> Type:
        allowed = list(self.allowed)
        known = [at for at, kind in enumerate(allowed) if not isinstance(kind, Unknown)]
        unknown = [at for at, kind in enumerate(allowed) if isinstance(kind, Unknown)]
        for at in known + unknown[:1]:  # what is not known yet comes last
            result = assign(allowed[at])
            if not isinstance(result, Invalid):
                if result is allowed[at]:
                    return self
                allowed[at] = result
                return Union(allowed)
        return Invalid()

    def explain(self, value: Any, depth: int = 0) -> str:
        """Why none of them takes it."""
        gap = "\t" * depth
        return super().explain(value, depth) + f"\n{gap}and".join(
            "\n" + kind.explain(value, depth + 1) for kind in self.allowed
        )

    def __repr__(self) -> str:
        """One or the other."""
        return " or ".join(map(str, self.allowed))


def _sorted(kinds: Iterable[Type]) -> list[Type]:
    flat: list[Type] = []
    for kind in kinds:
        flat.extend(kind.allowed if isinstance(kind, Union) else [kind])
    return sorted(flat, key=str)


def optional(kind: Any) -> Union:
    """The type, or None."""
    return Union([from_dtype(kind), NoneType()])


class List(Type):
    """A list of one type."""

    name = "list"

    def __init__(self, element_type: Any = None, length: int | None = None) -> None:
        """Of any length if `length` is None."""
        super().__init__()
        self.params.update(element_type=Unknown() if element_type is None else from_dtype(element_type), length=length)

    @staticmethod
    def of(value: Any) -> List:
        """The type of a list."""
        items = value.tolist() if hasattr(value, "tolist") else list(value)
        element: Type = optional(Unknown()) if any(item is None for item in items) else Unknown()
        for item in items:
            element = element.assign(item)
        return List(element, len(items))

    def assign(self, value: Any) -> Type:
        """Each element must fit."""
        if not hasattr(value, "__iter__"):
            return Invalid()
        items = list(value)
        element: Type = self.params["element_type"]
        for item in items:
            element = element.assign(item)
            if isinstance(element, Invalid):
                return element
        return List(element, len(items))

    def assign_type(self, other: Type) -> Type:
        """The elements must fit; a different length makes the length open."""
        if not isinstance(other, List):
            return Invalid()
        element = self.params["element_type"].assign_type(other.params["element_type"])
        if isinstance(element, Invalid):
            return element
        return List(element, self.params["length"] if self.params["length"] == other.params["length"] else None)

    def explain(self, value: Any, depth: int = 0) -> str:
        """Which element does not fit."""
        text = super().explain(value, depth)
        element: Type = self.params["element_type"]
        for at, item in enumerate(value if isinstance(value, (list, tuple, set, frozenset)) else ()):
            after = element.assign(item)
            if isinstance(after, Invalid):
                return f"{text}\n{'	' * depth}Index {at}:\n{element.explain(item, depth + 1)}"
            element = after
        return text

    def __repr__(self) -> str:
        """The element's type with brackets."""
        return f"{self.params['element_type']}[]"


class NDArray(Type):
    """An array of numpy."""

    name = "ndarray"

    def __init__(self, shape: Sequence[int], serialization_path: Mapping[str, str] | None = None) -> None:
        """Of this shape, perhaps stored in a file of an artifact."""
        super().__init__()
        self.params["shape"] = list(shape)
        self.stored_at = serialization_path

    @property
    def shape(self) -> list[int]:
        """The lengths of its axes."""
        shape: list[int] = self.params["shape"]
        return shape

    def assign(self, value: Any) -> Type:
        """The shape must be the same."""
        if isinstance(value, list):
            return self
        return self.assign_type(NDArray(value.shape)) if is_ndarray(value) else Invalid()

    def assign_type(self, other: Type) -> Type:
        """The shape must be the same; a list fits."""
        fits = isinstance(other, List) or (isinstance(other, NDArray) and other.shape == self.shape)
        return self if fits else Invalid()

    def to_json(self, extras: Any = None) -> dict[str, Any]:
        """With the place where it is stored."""
        return {"wb_type": self.name, "params": {"shape": self.shape, "serialization_path": self.stored_at}}


class TypedDict(Type):
    """A dict with a type for each key."""

    name = "typedDict"

    def __init__(self, type_map: Mapping[Any, Any] | None = None) -> None:
        """With these keys."""
        super().__init__()
        self.params["type_map"] = {key: from_dtype(kind) for key, kind in (type_map or {}).items()}

    @property
    def map(self) -> dict[Any, Type]:
        """The types by key."""
        found: dict[Any, Type] = self.params["type_map"]
        return found

    def assign(self, value: Any) -> Type:
        """Each value must fit; other keys do not."""
        if not isinstance(value, dict) or value.keys() - self.map.keys():
            return Invalid()
        return self._after({key: kind.assign(value.get(key)) for key, kind in self.map.items()})

    def assign_type(self, other: Type) -> Type:
        """Each type must fit."""
        if not isinstance(other, TypedDict) or other.map.keys() - self.map.keys():
            return Invalid()
        return self._after({key: kind.assign_type(other.map.get(key, Unknown())) for key, kind in self.map.items()})

    @staticmethod
    def _after(kinds: dict[Any, Type]) -> Type:
        return Invalid() if any(isinstance(kind, Invalid) for kind in kinds.values()) else TypedDict(kinds)

    def explain(self, value: Any, depth: int = 0) -> str:
        """Which keys do not fit."""
        text, gap = super().explain(value, depth), "\t" * depth
        if isinstance(value, dict):
            more = set(value) - set(self.map)
            if more:
                text += f"\n{gap}Found extra keys: {','.join(map(str, more))}"
            for key, kind in self.map.items():
                item = value.get(key)
                if isinstance(kind.assign(item), Invalid):
                    text += f"\n{gap}Key '{key}':\n{kind.explain(item, depth=depth + 1)}"
        return text

    def __repr__(self) -> str:
        """As a dict."""
        return str(self.map)


_BY_CLASS: dict[type, type[Type]] = {
    type(None): NoneType, str: String, int: Number, float: Number, bool: Boolean, list: List, tuple: List, set: List,
    frozenset: List, dict: TypedDict,
}  # fmt: skip
_NAMED = {
    kind.name: kind
    for kind in (Invalid, Any_, Unknown, NoneType, String, Timestamp, Number, Boolean)
}  # fmt: skip


def is_ndarray(value: Any) -> bool:
    """Whether it is an array of numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and hasattr(numpy, "ndarray") and isinstance(value, numpy.ndarray)


def type_of(value: Any) -> Type:
    """The type of a value."""
    kind = type(value)
    if kind is float:
        return NoneType() if value != value else Number()
    if kind is str:
        return ByName("artifactVersion") if value.startswith("wandb-artifact://") else String()
    if kind is dict:
        if value.get("_type") == "artifactVersion":
            return ByName("artifactVersion")
        return TypedDict({key: type_of(item) for key, item in value.items()})
    known = _BY_CLASS.get(kind)
    if known is List:
        return List.of(value)
    if known is not None:
        return known()
    if hasattr(value, "_column_type") and hasattr(value, "_type"):
        found: Type = value._type()
        return found
    return _of_library(value, kind)


def _of_library(value: Any, kind: type) -> Type:
    dates = sys.modules.get("datetime")
    if dates is not None and kind in (dates.datetime, dates.date):
        return Timestamp()
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "ndarray"):
        if isinstance(value, numpy.ndarray) and kind is numpy.ndarray:
            return NDArray(value.shape)
        if isinstance(value, numpy.generic):
            letter = value.dtype.kind
            if letter in "iufc":
                return Number()
            if letter in "bM":
                return Boolean() if letter == "b" else Timestamp()
    return PythonObject(kind.__name__)


def from_dtype(dtype: Any) -> Type:
    """What is given as a column's type: a type, a class, a list or dict of them, or a value that is meant itself."""
    if isinstance(dtype, Type):
        return dtype
    if isinstance(dtype, type):
        return _from_class(dtype)
    if isinstance(dtype, list):
        return List(dtype[0] if dtype else None) if len(dtype) < 2 else Union(dtype)
    return TypedDict(dtype) if isinstance(dtype, dict) else Const(dtype)


def _from_class(dtype: type) -> Type:
    if issubclass(dtype, Type):
        return dtype()
    known = _BY_CLASS.get(dtype)
    if known is not None:
        return known()
    dates, numpy = sys.modules.get("datetime"), sys.modules.get("numpy")
    if dates is not None and dtype in (dates.datetime, dates.date):
        return Timestamp()
    if numpy is not None and hasattr(numpy, "generic") and issubclass(dtype, numpy.generic):
        for kind, ours in ((numpy.number, Number), (numpy.bool_, Boolean), (numpy.datetime64, Timestamp)):
            if issubclass(dtype, kind):
                return ours()
    empty = getattr(dtype, "_empty_type", None)
    if empty is not None:
        found: Type = empty()
        return found
    return PythonObject(type(dtype).__name__)


def from_json(data: Mapping[str, Any], artifact: Any = None) -> Type:
    """The type that an artifact holds.

    Raises:
        TypeError: There is no such type.
    """
    name = data.get("wb_type")
    if name is None:
        raise TypeError("json_dict must contain `wb_type` key")
    params = data.get("params") or {}
    if name in _NAMED:
        return _NAMED[name]()
    if name in ("pythonObject", "object"):
        return PythonObject(str(params.get("class_name", "")))
    simple: dict[str, type[Type]] = {"union": Union, "list": List, "ndarray": NDArray, "typedDict": TypedDict,
        "dictionary": TypedDict, "const": Const}  # fmt: skip
    if name in simple:
        return simple[name](**{key: _inside(item, artifact) for key, item in params.items()})
    from wandbd.data_types._columns import of_media

    return of_media(str(name), {key: _inside(item, artifact) for key, item in params.items()}, artifact)


def _inside(value: Any, artifact: Any) -> Any:
    if isinstance(value, dict):
        if "wb_type" in value:
            return from_json(value, artifact)
        return {key: _inside(item, artifact) for key, item in value.items()}
    return [_inside(item, artifact) for item in value] if isinstance(value, list) else value
