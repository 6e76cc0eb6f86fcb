"""What the value of a setting may look like, by kind. A wrong one is an error that says what it should be."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

TAG_MAX = 64
PROJECT_MAX = 128
INTERVAL_MIN_S = 0.1
"""The shortest time between two looks at the machine."""

_ID_BAD = ":;,#?/'"
_PROJECT_BAD = "/\\#?%:"
_TRUE = frozenset(["1", "true", "t", "yes", "y", "on"])
_FALSE = frozenset(["0", "false", "f", "no", "n", "off", ""])
_REINIT = ("default", "return_previous", "finish_previous", "create_new")
_RESUME = ("allow", "must", "never", "auto")
_MOMENT = re.compile(r"([^/?#;]+)\?_step=(\d+(?:\.\d+)?)")


class Misnamed(ValueError):
    """A name that cannot be: a plain usage error to W&B, with its own words."""


class Moment(NamedTuple):
    """A place in the history of a run."""

    run: str
    value: int | float
    metric: str = "_step"


def shaped(kind: str | tuple[str, ...], name: str, value: Any) -> Any:
    """`value` in the form of a setting of this kind.

    Raises:
        ValueError: It cannot be; the message says what it should be.
        TypeError: The same, of a wrong type.
    """
    if isinstance(kind, tuple):
        if value not in kind:
            raise ValueError(f"should be {', '.join(map(repr, kind[:-1]))} or {kind[-1]!r}")
        return value
    if kind == "words":
        return _words(name, value)
    return _KINDS[kind](value)


def as_flag(value: Any) -> bool | None:
    """A truth value said as one, as a number or as a word; None if it is none of these."""
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return bool(value) if isinstance(value, (bool, int)) and value in (0, 1) else None


def _text(value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"should be text, not {type(value).__name__}")
    return os.fspath(value)


def _flag(value: Any) -> bool:
    flag = as_flag(value)
    if flag is None:
        raise ValueError("should be true or false")
    return flag


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not number >= 0.0 or number == float("inf"):
        raise ValueError("should be a number of seconds, 0 or more")
    return number


def _interval(value: Any) -> float:
    number = _number(value)
    if number < INTERVAL_MIN_S:
        raise ValueError(f"should not be less than {INTERVAL_MIN_S} seconds")
    return number


def _count(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"\s*\d+\s*", str(value)):
        raise ValueError("should be a whole number, 0 or more")
    return int(value)


def _words(name: str, value: Any) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value)
    for index, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"item {index} is no text")
        if name == "run_tags" and not 1 <= len(word) <= TAG_MAX:
            shown = f"{word[:20]}...{word[-20:]}" if len(word) > TAG_MAX else word
            what = f"Tag '{shown}' is {len(word)} characters" if word else f"Tag at index {index} is empty"
            raise ValueError(f"{what}. Tags must be between 1 and {TAG_MAX} characters")
    return words


def _table(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in _object(value).items()}


def _levels(value: Any) -> dict[str, str | int]:
    return {str(key): item if isinstance(item, int) else str(item) for key, item in _object(value).items()}


def _object(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, str):
        import json

        value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError("should be a JSON object")
    return value


def _reinit(value: Any) -> str:
    if value in _REINIT:
        return str(value)
    flag = as_flag(value)
    if flag is None:
        raise ValueError(f"should be true, false, {', '.join(map(repr, _REINIT))}")
    return "finish_previous" if flag else "return_previous"


def _resume(value: Any) -> str | None:
    if value in _RESUME:
        return str(value)
    flag = as_flag(value)
    if flag is None:
        raise ValueError(f"should be {', '.join(map(repr, _RESUME))}")
    return "auto" if flag else None


def _run_id(value: Any) -> str:
    text = _unblanked("Run ID", value)
    if any(letter in _ID_BAD for letter in text):
        raise Misnamed(f"Run ID cannot contain the characters: {_ID_BAD}")
    return text


def _sweep_id(value: Any) -> str:
    return _unblanked("Sweep ID", value)


def _unblanked(what: str, value: Any) -> str:
    text = _text(value)
    if not text:
        raise Misnamed(f"{what} cannot be empty")
    if text != text.strip():
        raise Misnamed(f"{what} cannot start or end with whitespace")
    return text


def _project(value: Any) -> str:
    text = _text(value)
    if len(text) > PROJECT_MAX:
        raise Misnamed(f"Invalid project name {text!r}: exceeded {PROJECT_MAX} characters")
    found = [letter for letter in _PROJECT_BAD if letter in text]
    if found:
        raise Misnamed(
            f"Invalid project name {text!r}: cannot contain characters {','.join(_PROJECT_BAD)!r}, "
            f"found {','.join(found)!r}"
        )
    return text


def _moment(value: Any) -> Moment:
    if isinstance(value, Moment):
        return value
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("should be '<run>?_step=<number>', for example 'ans3bsax?_step=123'")
    step = found[2]
    return Moment(found[1], int(step) if step.isdigit() else float(step))


def _callable(value: Any) -> Any:
    if not callable(value):
        raise TypeError(f"should be a function, not {type(value).__name__}")
    return value


def _address(value: Any) -> str:
    from wandbd._credentials import host_of

    text = _text(value).strip().rstrip("/")
    if text.partition("://")[0].lower() not in ("http", "https") or not host_of(text):
        raise ValueError("should be a URL like https://host:port")
    return text


def _url(value: Any) -> str:
    from wandbd._credentials import clean_url

    return clean_url(_text(value))


_KINDS: dict[str, Callable[[Any], Any]] = {
    "address": _address,
    "callable": _callable,
    "count": _count,
    "flag": _flag,
    "interval": _interval,
    "levels": _levels,
    "moment": _moment,
    "number": _number,
    "project": _project,
    "reinit": _reinit,
    "resume": _resume,
    "run_id": _run_id,
    "sweep_id": _sweep_id,
    "table": _table,
    "text": _text,
    "url": _url,
}
