"""`run.config`: what a run was made with. Local in the owner, asked from the daemon in attached processes."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from typing import TYPE_CHECKING, Any

from wandbd._computed import in_notebook
from wandbd._config_sources import as_mapping
from wandbd._errors import ConfigError
from wandbd._values import config_value, strict

if TYPE_CHECKING:
    from wandbd._run import Run

_Send = Callable[[Mapping[str, Any]], None]


class Config:
    """Values by key, read and written as items or attributes.

    A key keeps its first value unless `allow_val_change` is said, or in a notebook. Every write goes to the run's page;
    what is changed inside a value goes there by `persist`. Keys that a sweep has set are locked: writes are ignored
    with a warning.
    """

    __slots__ = ("_allow", "_items", "_load", "_locked", "_run", "_send")
    _allow: bool
    _items: dict[str, Any] | None
    _locked: dict[str, str]
    _load: Callable[[], dict[str, Any]]
    _run: Run | None
    _send: _Send

    def __init__(
        self,
        items: Mapping[str, Any] | None = None,
        send: _Send | None = None,
        load: Callable[[], dict[str, Any]] | None = None,
        allow_val_change: bool = False,
        run: Run | None = None,
        locked: Mapping[str, str] | None = None,
    ) -> None:
        """Start with `items`, already in JSON form; or, when they are None, with what `load` gives at the first use.

        `locked` says of keys who has locked them.
        """
        put = object.__setattr__
        put(self, "_items", None if items is None and load is not None else dict(items or {}))
        put(self, "_send", send or _nobody)
        put(self, "_load", load or dict)
        put(self, "_allow", allow_val_change)
        put(self, "_run", run)
        put(self, "_locked", dict(locked or {}))

    def _values(self) -> dict[str, Any]:
        if self._items is None:
            object.__setattr__(self, "_items", self._load())
        items: dict[str, Any] | None = self._items
        return {} if items is None else items

    def __getitem__(self, key: str) -> Any:
        """The value of `key`."""
        return self._values()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """Set a key that is new or has this value already."""
        self.update({key: value})

    def __getattr__(self, key: str) -> Any:
        """The value of `key`."""
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self._values()[key]
        except KeyError:
            raise AttributeError(f"{type(self)!r} object has no attribute {key!r}", name=key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        """Set a key that is new or has this value already."""
        self.update({key: value})

    def __contains__(self, key: object) -> bool:
        """Whether `key` is set."""
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

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._values().keys()

    def items(self) -> ItemsView[str, Any]:
        """Keys and values."""
        return self._values().items()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return self._values().get(key, default)

    def as_dict(self) -> dict[str, Any]:
        """A copy of all values."""
        return dict(self._values())

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set many keys: from a mapping, an argparse namespace, absl flags, or a file.

        Raises:
            ConfigError: A key has another value already and `allow_val_change` was not said. Nothing is changed then.
        """
        allow = (self._allow or in_notebook()) if allow_val_change is None else allow_val_change
        values = self._values()
        new = {key: value for key, value in clean(d).items() if not self._is_locked(key)}
        for key, value in new.items():
            if not allow and key in values and values[key] != value:
                raise ConfigError(
                    f'Attempted to change value of key "{key}" from {values[key]} to {value}\n'
                    "If you really want to do this, pass allow_val_change=True to config.update()"
                )
        if new:
            # In this object a table replaces the one that was there; on the page it is merged into it, as by W&B.
            self._send(strict(new))
            values.update(new)

    def setdefaults(self, d: Any) -> None:
        """Set those of the keys that are not set yet."""
        values = self._values()
        self.update({key: value for key, value in as_mapping(d).items() if key not in values})

    def persist(self) -> None:
        """Send all values again: those that were changed inside go to the run's page only now."""
        values = self._values()
        if values:
            self._send(strict(clean(values)))

    def _is_locked(self, key: str) -> bool:
        who = self._locked.get(key)
        if who is not None and self._run is not None:
            self._run._terminal.warn(f"Config item '{key}' was locked by '{who}' (ignored update).")
        return who is not None

    def _inherit(self, values: Mapping[str, Any]) -> None:
        """Take over what an earlier part of the run has set and this one has not."""
        for key, value in values.items():
            self._values().setdefault(key, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the config of its run, so that a worker process shares it."""
        return (getattr, (self._run, "config")) if self._run is not None else (Config, (self.as_dict(),))


def _nobody(update: Mapping[str, Any]) -> None:
    """Where changes go when there is no run."""


def clean(d: Any) -> dict[str, Any]:
    """Whatever may be given as a config: keys stripped of dashes, values in JSON form."""
    new: dict[str, Any] = {}
    for key, value in as_mapping(d).items():
        if not isinstance(key, str):
            raise TypeError(f"config keys must be strings, got {key!r} of type {type(key).__name__}")
        new[key.strip("-")] = config_value(value)
    return new


class ConfigStatic:
    """A config as it was at one moment. It cannot be changed."""

    __slots__ = ("_items",)
    _items: dict[str, Any]

    def __init__(self, items: Mapping[str, Any]) -> None:
        """Keep a copy of `items`."""
        object.__setattr__(self, "_items", dict(items))

    def __setattr__(self, name: str, value: Any) -> None:
        """Refused."""
        raise AttributeError("Error: run.config_static is a readonly object")

    def __setitem__(self, key: str, value: Any) -> None:
        """Refused."""
        raise AttributeError("Error: run.config_static is a readonly object")

    def __getattr__(self, name: str) -> Any:
        """The value of `name`."""
        if name in self._items:
            return self._items[name]
        raise AttributeError(f"{type(self)!r} object has no attribute {name!r}", name=name)

    def __getitem__(self, key: str) -> Any:
        """The value of `key`."""
        return self._items[key]

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._items.keys()

    def __str__(self) -> str:
        """All values, as of a dict."""
        return str(self._items)
