"""Where a config can come from: mappings, namespaces, flags, YAML and JSON files, a sweep."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandbd._errors import ConfigError, UsageError

if TYPE_CHECKING:
    from wandbd._settings import Settings

DEFAULTS = "config-defaults.yaml"
"""Read, when it lies in the working directory, before everything else."""


def as_mapping(d: Any) -> Mapping[str, Any]:
    """Whatever may be given as a config, as a mapping.

    Raises:
        TypeError: It is nothing of that kind.
        ConfigError: It is a path and there is no such file, or one that cannot be read.
    """
    from wandbd._config import Config

    if d is None:
        return {}
    if isinstance(d, Config):
        return d.as_dict()
    if isinstance(d, Mapping):
        return d
    if isinstance(d, (str, os.PathLike)):
        return from_file(os.fspath(d))
    flags = sys.modules.get("absl.flags")
    if flags is not None and d is flags:
        d = flags.FLAGS
    if hasattr(d, "flag_values_dict"):  # absl
        return dict(d.flag_values_dict())
    if hasattr(d, "__dict__"):
        return dict(vars(d))
    raise TypeError("config must be a dict or have a __dict__ attribute.")


def from_file(path: str) -> dict[str, Any]:
    """The keys of a config file, with or without `value` below each of them.

    Raises:
        ConfigError: There is no such file, or one that cannot be read.
    """
    from wandbd._yaml import NotReadable, load

    if not os.path.exists(path):
        raise ConfigError(f"config file {path} doesn't exist")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Couldn't read config file: {path} ({type(error).__name__})") from None
    try:
        loaded = _json(text) if text.lstrip()[:1] == "{" else load(text, f"config file {path}")
    except NotReadable as error:
        raise ConfigError(f"Invalid YAML in config yaml: {error}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"config file {path} holds no table of keys")
    if loaded.pop("wandb_version", 1) != 1:
        raise ConfigError(f"Unknown config version in {path}")
    return {
        str(key): value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in loaded.items()
        if key != "_wandb"
    }


def _json(text: str) -> Any:
    import json

    from wandbd._yaml import load

    try:
        return json.loads(text)
    except ValueError:
        return load(text, "the config file")


def narrowed(d: Any, include: Sequence[str] | None, exclude: Sequence[str] | None) -> Mapping[str, Any]:
    """The config that `init` was given, as a mapping, without the keys that are not wanted.

    Raises:
        UsageError: Both lists were given.
    """
    if include and exclude:
        raise UsageError("Expected at most only one of exclude or include")
    values = as_mapping(d)
    if include:
        return {key: value for key, value in values.items() if key in include}
    if exclude:
        return {key: value for key, value in values.items() if key not in exclude}
    return values


def parse_config(
    params: Any, exclude: Sequence[str] | None = None, include: Sequence[str] | None = None
) -> Mapping[str, Any]:
    """Whatever may be given as a config, as a mapping, without the keys that are not wanted.

    Args:
        params: A mapping, an argparse namespace, absl flags, or the path of a file.
        exclude: Keys to leave out.
        include: The only keys to take.
    """
    return narrowed(params, include, exclude)


def initial(
    given: Mapping[str, Any], settings: Settings, warn: Callable[[str], None]
) -> tuple[dict[str, Any], list[str]]:
    """The values that a run begins with, in JSON form, and those of their keys that a sweep has set.

    Later ones beat earlier ones: the defaults file, `given`, the files named by settings, the sweep.
    """
    from wandbd._config import clean

    values: dict[str, Any] = {}
    if os.path.exists(DEFAULTS):
        defaults = clean(from_file(DEFAULTS))
        if not defaults:
            warn(f"Found an empty default config file ({DEFAULTS}). Proceeding with no defaults.")
        values.update(defaults)
    values.update(clean(given))
    for path in settings.config_paths or ():
        if os.path.exists(path):
            values.update(clean(from_file(path)))
    swept = clean(from_file(settings.sweep_param_path)) if settings.sweep_param_path else {}
    for key, value in swept.items():
        values[key] = _merged(values.get(key), value)
    return values, list(swept)


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
