"""The two settings files of W&B: INI files with one section. `login` remembers the server in the global one."""

from __future__ import annotations

import os
from collections.abc import Mapping

_SECTION = "default"


def global_settings_path(environ: Mapping[str, str]) -> str:
    """The settings file of the user."""
    folder = environ.get("WANDB_CONFIG_DIR") or os.path.join("~", ".config", "wandb")
    return os.path.join(os.path.expanduser(folder), "settings")


def read_settings_file(path: str, warnings: list[str]) -> dict[str, str]:
    """The pairs of the file's section; empty, with a warning, when the file cannot be read."""
    if not os.path.isfile(path):
        return {}
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        warnings.append(f"cannot read the settings file {path}: {type(error).__name__}")
        return {}
    return dict(parser.items(_SECTION)) if parser.has_section(_SECTION) else {}


def write_settings_file(path: str, pairs: Mapping[str, str]) -> None:
    """Replace the file's content.

    Raises:
        OSError: It cannot be written.
    """
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict({_SECTION: dict(pairs)})
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        parser.write(file)


def remember_server(base_url: str | None, everywhere: str, here: str) -> list[str]:
    """Keep `base_url` in the global file, or forget it (None), and let no local file say another one.

    Args:
        base_url: The server that later runs go to when nothing else is said; None: the hosted service.
        everywhere: Path of the global file.
        here: Path of the local file.

    Returns:
        What was done and what went wrong, as lines for the terminal.
    """
    lines: list[str] = []
    for path, keep in ((everywhere, base_url), (here, None)):
        before = read_settings_file(path, lines)
        after = {name: text for name, text in before.items() if name not in ("base_url", "anonymous")}
        if keep is not None:
            after["base_url"] = keep
        if after == before:
            continue
        try:
            write_settings_file(path, after)
            lines.append(f"Updated settings file {path}")
        except OSError as error:
            lines.append(f"Error updating settings at {path}: {error}")
    return lines
