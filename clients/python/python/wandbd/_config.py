"""`run.config`: what a run was made with. Local in the owner, asked from the daemon in attached processes."""

from __future__ import annotations

import os
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from typing import TYPE_CHECKING, Any

from wandbd._errors import ConfigError, UsageError
from wandbd._values import config_value, strict

if TYPE_CHECKING:
    from wandbd._run import Run


class Config:
    """Values by key, read and written as items or attributes.

    A key keeps its first value unless `allow_val_change` is said. Every write goes to the run's page.
    """

    __slots__ = ("_allow", "_items", "_load", "_run", "_send")
    _allow: bool
    _items: dict[str, Any] | None
    _load: Callable[[], dict[str, Any]]
    _run: Run | None
    _send: Callable[[Mapping[str, Any]], None]

    def __init__(
        self,
        items: Mapping[str, Any] | None = None,
        send: Callable[[Mapping[str, Any]], None] | None = None,
        load: Callable[[], dict[str, Any]] | None = None,
        allow_val_change: bool = False,
        run: Run | None = None,
    ) -> None:
        """Start with `items`, already in JSON form; or, when they are None, with what `load` gives at the first use."""
        put = object.__setattr__
        put(self, "_items", None if items is None and load is not None else dict(items or {}))
        put(self, "_send", send or _nobody)
        put(self, "_load", load or dict)
        put(self, "_allow", allow_val_change)
        put(self, "_run", run)

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
        """Set many keys: from a mapping, an argparse namespace, or a file.

        Raises:
            ConfigError: A key has another value already and `allow_val_change` was not said. Nothing is changed then.
        """
        allow = self._allow if allow_val_change is None else allow_val_change
        new = _clean(d)
        values = self._values()
        for key, value in new.items():
            if not allow and key in values and values[key] != value:
                raise ConfigError(
                    f'Attempted to change value of key "{key}" from {values[key]} to {value}\n'
                    "If you really want to do this, pass allow_val_change=True to config.update()"
                )
        if new:
            self._send(strict(new))
            values.update(new)

    def setdefaults(self, d: Any) -> None:
        """Set those of the keys that are not set yet."""
        values = self._values()
        self.update({key: value for key, value in as_mapping(d).items() if key not in values})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the config of its run, so that a worker process shares it."""
        return (getattr, (self._run, "config")) if self._run is not None else (Config, (self.as_dict(),))


def _nobody(update: Mapping[str, Any]) -> None:
    """Where changes go when there is no run."""


def _clean(d: Any) -> dict[str, Any]:
    """Keys stripped of dashes, values in JSON form."""
    new: dict[str, Any] = {}
    for key, value in as_mapping(d).items():
        if not isinstance(key, str):
            raise TypeError(f"config keys must be strings, got {key!r} of type {type(key).__name__}")
        new[key.strip("-")] = config_value(value)
    return new


def as_mapping(d: Any) -> Mapping[str, Any]:
    """Whatever may be given as a config, as a mapping.

    Raises:
        TypeError: It is nothing of that kind.
        ConfigError: It is a path and there is no such file.
    """
    if d is None:
        return {}
    if isinstance(d, Config):
        return d.as_dict()
    if isinstance(d, Mapping):
        return d
    if isinstance(d, (str, os.PathLike)):
        return _from_file(os.fspath(d))
    if hasattr(d, "flag_values_dict"):  # absl
        return dict(d.flag_values_dict())
    if hasattr(d, "__dict__"):
        return dict(vars(d))
    raise TypeError("config must be a dict or have a __dict__ attribute.")


def _from_file(path: str) -> Mapping[str, Any]:
    if not os.path.isfile(path):
        raise ConfigError(f"config file {path} doesn't exist")
    import json

    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        loaded = json.loads(text)
    except ValueError:
        try:
            import yaml  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            raise UsageError(f"reading the config file {path} needs the package PyYAML") from None
        loaded = yaml.safe_load(text)
    if not isinstance(loaded, dict):
        raise ConfigError(f"config file {path} holds no table of keys")
    loaded.pop("wandb_version", None)
    return {
        str(key): value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in loaded.items()
    }


def initial(d: Any, include: list[str] | None, exclude: list[str] | None) -> dict[str, Any]:
    """The config that `init` was given, in JSON form.

    Raises:
        UsageError: Both lists were given.
    """
    if include and exclude:
        raise UsageError("Expected at most only one of exclude or include")
    values = _clean(d)
    if include:
        return {key: value for key, value in values.items() if key in include}
    if exclude:
        return {key: value for key, value in values.items() if key not in exclude}
    return values
