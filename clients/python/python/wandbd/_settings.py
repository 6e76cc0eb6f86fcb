"""Settings and where they come from.

An argument of `init` beats a `Settings` object, which beats what `setup` was given, which beats the environment, which
beats `./wandb/settings`, which beats `~/.config/wandb/settings`, which beats the default. A wrong value is an error
that names the setting and where it was said; in a settings file it is a warning, and the value is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wandbd._computed import COMPUTED, wandb_dir
from wandbd._errors import SettingsError, UnsupportedError, UsageError
from wandbd._fields import NO_EFFECT, NOT_YET, SECRET, SUPPORTED, setting_of
from wandbd._settings_files import global_settings_path, read_settings_file
from wandbd._shapes import Misnamed, as_flag, shaped

_NOT_IN_FILES = ("root_dir", "settings_system")


class Settings:
    """W&B's settings by W&B's names. Only those given are kept; reading another gives its default."""

    __slots__ = ("_given",)
    _given: dict[str, Any]

    def __init__(self, **given: Any) -> None:
        """Check and keep the given settings.

        Raises:
            SettingsError: An unknown name or a wrong value, or settings that exclude each other.
            UnsupportedError: A setting that wandbd does not provide yet, with another value than the default.
        """
        object.__setattr__(self, "_given", {})
        for name, value in given.items():
            setattr(self, name, value)
        _check_together(self._given)

    def __setattr__(self, name: str, value: Any) -> None:
        """Check and keep one setting."""
        if name.startswith("_"):  # as older releases of W&B spelled the internal ones
            name = "x" + name
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
        if name in COMPUTED:
            return COMPUTED[name](self)
        raise AttributeError(f"'Settings' object has no attribute {name!r}", name=name)

    def __dir__(self) -> list[str]:
        """The settings that have an effect."""
        return sorted([*SUPPORTED, *(name for name in COMPUTED if not name.startswith("_"))])

    def __repr__(self) -> str:
        """The settings given; secrets are not shown."""
        shown = (f"{name}={'***' if name in SECRET else repr(value)}" for name, value in self._given.items())
        return f"Settings({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        """Whether the same was given."""
        return isinstance(other, Settings) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what was given, but for functions."""
        return _remake, ({name: value for name, value in self._given.items() if name != "stop_fn"},)


def _remake(given: dict[str, Any]) -> Settings:
    return Settings(**given)


def given(settings: Settings) -> dict[str, Any]:
    """The settings that were said, without defaults."""
    return dict(settings._given)


def with_facts(settings: Settings, **facts: Any) -> Settings:
    """A copy that also says what became known since."""
    copy = Settings()
    copy._given.update(settings._given)
    copy._given.update({name: value for name, value in facts.items() if value is not None})
    return copy


def check(name: str, value: Any, where: str) -> Any:
    """`value` in the form of setting `name`; `where` says for messages who said it.

    Raises:
        SettingsError: There is no such setting, or the value cannot be.
        UsageError: The value is a name that cannot be.
        UnsupportedError: wandbd does not provide the setting yet.
    """
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
        return shaped(SUPPORTED[name][0], name, value)
    except Misnamed as error:
        raise UsageError(f"{error} (from {where})") from None
    except (TypeError, ValueError) as error:
        shown = "" if name in SECRET else f" {value!r}"
        raise SettingsError(f"wrong value{shown} in {where}: {error}") from None


def _check_together(values: Mapping[str, Any]) -> None:
    branches = [name for name in ("fork_from", "resume", "resume_from") if values.get(name) is not None]
    if len(branches) > 1:
        raise SettingsError(
            "`fork_from`, `resume`, or `resume_from` are mutually exclusive. Please specify only one of them. "
            f"Given: {', '.join(branches)}"
        )
    run_id = values.get("run_id")
    fork, rewind = values.get("fork_from"), values.get("resume_from")
    if fork is not None and run_id == fork.run:
        raise SettingsError(
            "Provided `run_id` is the same as the run to `fork_from`. Please provide a different `run_id` or remove "
            "the `run_id` argument. To rewind this run, use `resume_from`."
        )
    if rewind is not None and run_id not in (None, rewind.run):
        raise SettingsError("Both `run_id` and `resume_from` have been specified with different ids.")


class Resolved:
    """All layers in one: the settings in force, who said them, and what was odd about them."""

    __slots__ = ("code", "file_base_url", "file_key", "settings", "warnings")

    def __init__(self, settings: Settings) -> None:
        """Start with `settings` and nothing odd."""
        self.settings = settings
        self.warnings: list[str] = []
        self.code: dict[str, Any] = {}
        """What code said to `init`, as an argument or by `Settings`."""
        self.file_key: str | None = None
        self.file_base_url: str | None = None


def resolve(
    arguments: Mapping[str, Any],
    said: Settings | Mapping[str, Any] | None,
    environ: Mapping[str, str],
    cwd: str,
    setup: Settings | None = None,
) -> Resolved:
    """Put the layers together.

    Args:
        arguments: Settings said as arguments of `init`, by setting name; None means not said.
        said: The `settings` argument of `init`.
        environ: The environment.
        cwd: The working directory.
        setup: What `setup` was given.
    """
    top = Settings(**said) if isinstance(said, Mapping) else said or Settings()
    top_given = given(top)
    for name, value in arguments.items():
        if value is not None:
            top_given[name] = check(name, value, f"the argument for `{name}`")
    result = Resolved(Settings())
    layer = _from_environment(environ, result)
    layer.update({name: value for name, value in (given(setup) if setup else {}).items() if value is not None})
    _one_branch(layer, top_given)
    root = top_given.get("root_dir") or layer.get("root_dir") or cwd
    merged: dict[str, Any] = {}
    for path in (
        top_given.get("settings_system") or layer.get("settings_system") or global_settings_path(environ),
        os.path.join(wandb_dir(root, top_given.get("use_dot_wandb", layer.get("use_dot_wandb"))), "settings"),
    ):
        merged.update(_from_file(path, result))
    if result.file_key is not None:
        result.file_base_url = merged.get("base_url")
    merged.update(layer)
    result.code = {name: value for name, value in top_given.items() if value is not None}
    merged.update(result.code)
    _check_together(merged)
    result.settings = with_facts(Settings(), **merged)
    return result


def _one_branch(layer: dict[str, Any], top: Mapping[str, Any]) -> None:
    """What code says about resuming replaces what the environment says about it."""
    names = ("fork_from", "resume", "resume_from")
    if any(top.get(name) is not None for name in names):
        for name in names:
            layer.pop(name, None)


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
            same = as_flag(text) is default if isinstance(default, bool) else text in ("", "false", str(default))
            if not same:
                result.warnings.append(f"{variable} is set, but wandbd does not use it yet")
            continue
        value: Any = text.split(",") if SUPPORTED[name][0] == "words" else text
        if text == "" and SUPPORTED[name][0] != "flag":
            continue
        layer[name] = check(name, value, f"the environment variable {variable}")
    if layer.get("save_code") is not None or layer.get("disable_code"):
        layer["save_code"] = bool(layer.get("save_code")) and not layer.get("disable_code")
    return layer


def _from_file(path: str, result: Resolved) -> dict[str, Any]:
    """The keys of a settings file that W&B's programs write; what cannot be read is left out with a warning."""
    layer: dict[str, Any] = {}
    for name, text in read_settings_file(path, result.warnings).items():
        if name in _NOT_IN_FILES:
            result.warnings.append(f"ignoring `{name}` in the settings file {path}: it is not allowed there")
        elif name in SUPPORTED and text != "":
            value: Any = text.split(",") if SUPPORTED[name][0] == "words" else text
            try:
                layer[name] = check(name, value, f"the settings file {path}")
            except UsageError as error:
                result.warnings.append(f"{error} (ignored)")
    if "api_key" in layer:
        result.file_key = layer.pop("api_key")
    return layer
