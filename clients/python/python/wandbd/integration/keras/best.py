"""The best value of a metric, and its place in the summary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any


class Best:
    """Knows the best value so far, also that of the part of the run before a resume."""

    def __init__(self, monitor: str, mode: str, prefix: str | None, run: Any, warn: Callable[[str], None]) -> None:
        """Take the direction from `mode`, or from the name; the first best from the summary of a resumed run."""
        if mode not in ("auto", "min", "max"):
            warn(f"mode {mode!r} is unknown: use auto, min or max; auto is used")
            mode = "auto"
        larger = mode == "max" or (mode == "auto" and ("acc" in monitor or monitor.startswith("fmeasure")))
        self.monitor = monitor
        self._prefix = prefix or ""
        self._larger = larger
        self._run = run
        self.value = -math.inf if larger else math.inf
        if self._prefix and run.resumed:
            before = run.summary.get(self._prefix + monitor)
            if isinstance(before, (int, float)):
                self.value = float(before)

    def improved(self, logs: Mapping[str, Any]) -> float | None:
        """The value of an epoch if it is better than all before."""
        value = logs.get(self.monitor)
        if value is None:
            return None
        number = float(value)
        return number if (number > self.value if self._larger else number < self.value) else None

    def keep(self, epoch: int, value: float) -> None:
        """It is the best now: say so in the summary."""
        self.value = value
        if self._prefix:
            self._run.summary[self._prefix + self.monitor] = value
            self._run.summary[f"{self._prefix}epoch"] = epoch
