"""`run.summary`: the run's last or best values. Reads ask the daemon, because several processes may log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandbd._run import Run

_Send = Callable[[Mapping[str, Any], "list[list[str]]"], None]


class _Missing(KeyError, AttributeError):
    """A key that is not there, asked for as an attribute: `hasattr` and W&B's scripts both understand it."""


class SummarySubDict:
    """A part of the summary: a mapping with attribute access. Nested tables are such parts again."""

    __slots__ = ("_path", "_read", "_send")
    _path: tuple[str, ...]
    _read: Callable[[], dict[str, Any]]
    _send: _Send

    def __init__(self, read: Callable[[], dict[str, Any]], send: _Send, path: tuple[str, ...] = ()) -> None:
        """The part at `path` of what `read` gives; `send` takes changes and removals."""
        put = object.__setattr__
        put(self, "_read", read)
        put(self, "_send", send)
        put(self, "_path", path)

    def _values(self) -> dict[str, Any]:
        values: Any = self._read()
        for name in self._path:
            values = values.get(name)
            if not isinstance(values, dict):
                return {}
        table: dict[str, Any] = values
        return table

    def _wrap(self, key: str, value: Any) -> Any:
        return SummarySubDict(self._read, self._send, (*self._path, key)) if isinstance(value, dict) else value

    def _put(self, update: Mapping[str, Any]) -> None:
        """A table that is written replaces the one that was there."""
        removed = [[*self._path, str(key)] for key, value in update.items() if isinstance(value, Mapping)]
        nested: Mapping[str, Any] = dict(update)
        for name in reversed(self._path):
            nested = {name: nested}
        self._send(nested, removed)

    def __getitem__(self, key: str) -> Any:
        """The value of `key`."""
        return self._wrap(key, self._values()[key])

    def __setitem__(self, key: str, value: Any) -> None:
        """Set `key` for good: it is no longer aggregated from logged values."""
        self._put({key: value})

    def __delitem__(self, key: str) -> None:
        """Remove `key` and what lies below it; one that is not there is no error."""
        self._send({}, [[*self._path, key]])

    def __getattr__(self, key: str) -> Any:
        """The value of `key`."""
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise _Missing(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        """Set `key` for good."""
        self[key] = value

    def __delattr__(self, key: str) -> None:
        """Remove `key`."""
        del self[key]

    def __contains__(self, key: object) -> bool:
        """Whether `key` is there."""
        return key in self._values()

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(self._values())

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._values())

    def __repr__(self) -> str:
        """All values, as of a dict."""
        return str(self._values())

    def keys(self) -> list[str]:
        """The keys."""
        return list(self._values())

    def values(self) -> list[Any]:
        """The values."""
        return [self._wrap(key, value) for key, value in self._values().items()]

    def items(self) -> list[tuple[str, Any]]:
        """Keys and values."""
        return [(key, self._wrap(key, value)) for key, value in self._values().items()]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        values = self._values()
        return self._wrap(key, values[key]) if key in values else default

    def update(self, d: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set many keys for good."""
        changes = {**(d or {}), **more}
        if changes:
            self._put(changes)


class Summary(SummarySubDict):
    """The whole summary of a run."""

    __slots__ = ("_run",)
    _run: Run

    def __init__(self, read: Callable[[], dict[str, Any]], send: _Send, run: Run) -> None:
        """The summary of `run`."""
        super().__init__(read, send)
        object.__setattr__(self, "_run", run)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the summary of its run, so that a worker process shares it."""
        return getattr, (self._run, "summary")
