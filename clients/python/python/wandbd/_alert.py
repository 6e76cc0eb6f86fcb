"""Alerts: their levels, and how long the same one is not sent again."""

from __future__ import annotations

from enum import Enum
from typing import Any

WAIT_S = 60.0


class AlertLevel(Enum):
    """How much an alert matters."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def level_name(level: Any) -> str:
    """A level by its name; INFO if none was said.

    Raises:
        ValueError: There is no such level.
    """
    name = level.value if isinstance(level, AlertLevel) else level or "INFO"
    if name not in ("INFO", "WARN", "ERROR"):
        raise ValueError("level must be one of 'INFO', 'WARN', or 'ERROR'")
    return str(name)


def seconds(wait_duration: Any) -> float:
    """A duration in seconds; a minute if none was said.

    Raises:
        TypeError: It is no duration.
    """
    if not wait_duration:
        return WAIT_S
    if isinstance(wait_duration, (int, float)):
        return float(wait_duration)
    if callable(getattr(wait_duration, "total_seconds", None)):
        return float(wait_duration.total_seconds())
    raise TypeError("wait_duration must be an int, float, or datetime.timedelta")
