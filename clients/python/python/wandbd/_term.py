"""Lines for the user's terminal: `wandb: ...` on stderr. Never raises, and obeys the silent and quiet settings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbd._settings import Settings

_seen: set[str] = set()


class Terminal:
    """Where a run speaks to the user."""

    __slots__ = ("quiet", "show_errors", "show_info", "show_warnings")

    def __init__(self, settings: Settings | None = None) -> None:
        """Read from `settings` what may be shown; without them from the environment."""
        if settings is None:
            silent = os.environ.get("WANDB_SILENT", "").lower() in ("1", "true", "t", "yes", "y", "on")
            quiet, info, warnings, errors = False, True, True, True
        else:
            silent, quiet = bool(settings.silent), bool(settings.quiet)
            info, warnings, errors = bool(settings.show_info), bool(settings.show_warnings), bool(settings.show_errors)
        self.quiet = quiet
        self.show_info = info and not silent
        self.show_warnings = warnings and not silent
        self.show_errors = errors and not silent

    def info(self, line: str) -> None:
        """Something good to know."""
        if self.show_info:
            emit("", line)

    def detail(self, line: str) -> None:
        """Something that `quiet` leaves out."""
        if not self.quiet:
            self.info(line)

    def warn(self, line: str, once: bool = False) -> None:
        """Something that did not go as it should."""
        if self.show_warnings and _new(line, once):
            emit("WARNING ", line)

    def error(self, line: str) -> None:
        """Something was lost, or a person is needed."""
        if self.show_errors:
            emit("ERROR ", line)

    def progress(self, line: str) -> None:
        """A line that the next progress line overwrites; shown only on a terminal."""
        stream = sys.stderr
        try:
            if self.show_info and stream is not None and stream.isatty():
                stream.write(f"\r\x1b[K{_prefix(True)}{line}")
                stream.flush()
        except (OSError, ValueError):
            pass

    def end_progress(self) -> None:
        """Remove the progress line."""
        stream = sys.stderr
        try:
            if self.show_info and stream is not None and stream.isatty():
                stream.write("\r\x1b[K")
                stream.flush()
        except (OSError, ValueError):
            pass


def _new(line: str, once: bool) -> bool:
    if not once:
        return True
    if line in _seen:
        return False
    _seen.add(line)
    return True


def _prefix(colors: bool) -> str:
    return "\x1b[1;34mwandb\x1b[0m: " if colors and not os.environ.get("NO_COLOR") else "wandb: "


def emit(label: str, text: str) -> None:
    """Write each line of `text` behind the prefix and `label`."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        terminal = stream.isatty()
        prefix = _prefix(terminal)
        console = sys.modules.get("wandbd._console")
        before = console.end_line() if terminal and console is not None else ""
        stream.write(before + "".join(f"{prefix}{label}{line}\n" for line in text.split("\n")))
        stream.flush()
    except (OSError, ValueError, AttributeError):
        pass


def of_current_run() -> Terminal:
    """The current run's, or one by the environment when there is no run."""
    from wandbd import _registry

    run = _registry.current()
    return run._terminal if run is not None else Terminal()


def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None:
    """Write a line as wandbd's own ones."""
    if string and _new(string, not repeat):
        of_current_run().info(string)


def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write a warning as wandbd's own ones."""
    of_current_run().warn(string, once=not repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write an error as wandbd's own ones."""
    if _new(string, not repeat):
        of_current_run().error(string)
