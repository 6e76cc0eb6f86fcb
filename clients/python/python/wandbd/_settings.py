"""Settings and where they come from.

An argument of `init` beats a `Settings` object, which beats the environment, which beats `./wandb/settings`, which
beats `~/.config/wandb/settings`, which beats the default. A wrong value is an error that names the setting and where
it was said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wandbd._errors import SettingsError, UnsupportedError
from wandbd._fields import NO_EFFECT, NOT_YET, SECRET, SUPPORTED, setting_of

_TRUE = frozenset(["1", "true", "t", "yes", "y", "on"])
_FALSE = frozenset(["0", "false", "f", "no", "n", "off", ""])
_REINIT = ("default", "return_previous", "finish_previous", "create_new")
TAG_MAX = 64
PROJECT_MAX = 128


class Settings:
    """W&B's settings by W&B's names. Only those given are kept; reading another gives its default."""

    __slots__ = ("_given",)
    _given: dict[str, Any]

    def __init__(self, **given: Any) -> None:
        """Check and keep the given settings.

        Raises:
            SettingsError: An unknown name or a wrong value.
            UnsupportedError: A setting that wandbd does not provide yet, with another value than the default.
        """
        object.__setattr__(self, "_given", {})
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Check and keep one setting."""
        self._given[name] = check(name, value, f"the setting `{name}`")

    def __getattr__(self, name: str) -> Any:
        """The value given, or the default."""
        if name in self._given:
            return self._given[name]
        if name in SUPPORTED:
            return SUPPORTED[name][1]
        for table in (NO_EFFECT, NOT_YET):
            if name in table:
                return table[name]
        raise AttributeError(f"'Settings' object has no attribute {name!r}", name=name)

    def __dir__(self) -> list[str]:
        """The settings that have an effect."""
        return sorted(SUPPORTED)

    def __repr__(self) -> str:
        """The settings given; secrets are not shown."""
        shown = (f"{name}={'***' if name in SECRET else repr(value)}" for name, value in self._given.items())
        return f"Settings({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what was given."""
        return _remake, (dict(self._given),)


def _remake(given: dict[str, Any]) -> Settings:
    return Settings(**given)


def given(settings: Settings) -> dict[str, Any]:
    """The settings that were said, without defaults."""
    return dict(settings._given)


def check(name: str, value: Any, where: str) -> Any:
    """`value` in the form of setting `name`; `where` says for messages who said it."""
    if name in NO_EFFECT:
        return value
    if name in NOT_YET:
        off = value is False and NOT_YET[name] is not True
        if off or value is None or value == NOT_YET[name]:
            return NOT_YET[name]
        raise UnsupportedError(f"wandbd does not provide the setting `{name}` yet (from {where})")
    if name not in SUPPORTED:
        raise SettingsError(f"unknown setting `{name}`")
    if value is None:
        return SUPPORTED[name][1]
    try:
        return _shape(SUPPORTED[name][0], name, value)
    except (TypeError, ValueError) as error:
        shown = "" if name in SECRET else f" {value!r}"
        raise SettingsError(f"wrong value{shown} in {where}: {error}") from None


def _shape(kind: str | tuple[str, ...], name: str, value: Any) -> Any:
    if isinstance(kind, tuple):
        if value not in kind:
            raise ValueError(f"should be {', '.join(map(repr, kind[:-1]))} or {kind[-1]!r}")
        return value
    if kind == "flag":
        flag = _as_flag(value)
        if flag is None:
            raise ValueError("should be true or false")
        return flag
    if kind == "number":
        number = float(value)
        if not number >= 0.0 or number == float("inf"):
            raise ValueError("should be a number of seconds, 0 or more")
        return number
    if kind == "words":
        return _words(name, value)
    if kind == "table":
        return _table(value)
    if kind == "reinit":
        return _reinit(value)
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"should be text, not {type(value).__name__}")
    return os.fspath(value)


def _as_flag(value: Any) -> bool | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return bool(value) if isinstance(value, (bool, int)) and value in (0, 1) else None


def _words(name: str, value: Any) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value)
    for index, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"item {index} is no text")
        if name == "run_tags" and not 1 <= len(word) <= TAG_MAX:
            what = f"tag at index {index} is empty" if not word else f"tag {word[:20]!r}... is {len(word)} characters"
            raise ValueError(f"{what}; tags must be between 1 and {TAG_MAX} characters")
    return words


def _table(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        import json

        value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError("should be a JSON object")
    return {str(key): str(item) for key, item in value.items()}


def _reinit(value: Any) -> str:
    if value in _REINIT:
        return str(value)
    flag = _as_flag(value)
    if flag is None:
        raise ValueError(f"should be true, false, {', '.join(map(repr, _REINIT))}")
    return "finish_previous" if flag else "return_previous"


class Resolved:
    """All layers in one: the settings in force, and what was odd about them."""

    __slots__ = ("file_base_url", "file_key", "settings", "warnings")

    def __init__(self, settings: Settings) -> None:
        """Start with `settings` and nothing odd."""
        self.settings = settings
        self.warnings: list[str] = []
        self.file_key: str | None = None
        self.file_base_url: str | None = None


def resolve(
    arguments: Mapping[str, Any], said: Settings | Mapping[str, Any] | None, environ: Mapping[str, str], cwd: str
) -> Resolved:
    """Put the layers together.

    Args:
        arguments: Settings said as arguments of `init`, by setting name; None means not said.
        said: The `settings` argument of `init`.
        environ: The environment.
        cwd: The working directory.
    """
    top = Settings(**said) if isinstance(said, Mapping) else said or Settings()
    top_given = given(top)
    for name, value in arguments.items():
        if value is not None:
            top_given[name] = check(name, value, f"the argument for `{name}`")
    result = Resolved(Settings())
    layer = _from_environment(environ, result)
    root = top_given.get("root_dir") or layer.get("root_dir") or cwd
    merged: dict[str, Any] = {}
    for path in (
        top_given.get("settings_system") or global_settings_path(environ),
        os.path.join(wandb_dir(root), "settings"),
    ):
        merged.update(_from_file(path, result))
    merged.update(layer)
    merged.update(top_given)
    result.settings = Settings(**merged)
    return result


def _from_environment(environ: Mapping[str, str], result: Resolved) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith("WANDB_"):
            continue
        name = setting_of(variable)
        if name is None or name in NO_EFFECT:
            continue
        if name in NOT_YET:
            default = NOT_YET[name]
            same = _as_flag(text) is default if isinstance(default, bool) else text in ("", "false", str(default))
            if not same:
                result.warnings.append(f"{variable} is set, but wandbd does not use it yet")
            continue
        value: Any = text.split(",") if SUPPORTED[name][0] == "words" else text
        if text == "" and SUPPORTED[name][0] != "flag":
            continue
        layer[name] = check(name, value, f"the environment variable {variable}")
    return layer


def _from_file(path: str, result: Resolved) -> dict[str, Any]:
    """The keys of a settings file that W&B's programs write; a file that cannot be read is as good as none."""
    if not os.path.isfile(path):
        return {}
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        result.warnings.append(f"cannot read the settings file {path}: {type(error).__name__}")
        return {}
    if not parser.has_section("default"):
        return {}
    layer: dict[str, Any] = {}
    for name, text in parser.items("default"):
        if name in SUPPORTED and text != "":
            value: Any = text.split(",") if SUPPORTED[name][0] == "words" else text
            layer[name] = check(name, value, f"the settings file {path}")
    if "api_key" in layer:
        result.file_key, result.file_base_url = layer.pop("api_key"), layer.get("base_url")
    return layer


def global_settings_path(environ: Mapping[str, str]) -> str:
    """The settings file of the user."""
    folder = environ.get("WANDB_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".config", "wandb")
    return os.path.join(folder, "settings")


def wandb_dir(root: str) -> str:
    """Where runs lie below `root`: `.wandb` if that is there, else `wandb`."""
    hidden = os.path.join(root, ".wandb")
    return hidden if os.path.isdir(hidden) else os.path.join(root, "wandb")
