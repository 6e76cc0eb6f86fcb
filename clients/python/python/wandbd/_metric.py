"""`define_metric`: the words it takes, checked."""

from __future__ import annotations

from typing import Any

from wandbd._errors import Error

AGGREGATES = ("min", "max", "mean", "first", "last", "none", "copy")


class Metric:
    """A metric as it was defined."""

    __slots__ = ("hidden", "name", "step_metric", "step_sync", "summary")

    def __init__(
        self,
        name: str,
        step_metric: str | None,
        step_sync: bool | None,
        hidden: bool | None,
        summary: tuple[str, ...] | None,
    ) -> None:
        """Keep what was said."""
        self.name = name
        self.step_metric = step_metric
        self.step_sync = step_sync
        self.hidden = hidden
        self.summary = summary

    def __repr__(self) -> str:
        """The name and its x axis."""
        return f"Metric({self.name!r}, step_metric={self.step_metric!r}, summary={self.summary!r})"


def defined(name: Any, step_metric: Any, step_sync: Any, hidden: Any, summary: Any, overwrite: Any) -> Metric:
    """A metric of these arguments.

    Raises:
        Error: One of them is wrong; the message names it.
    """
    if name is None or name == "":
        raise Error("define_metric() requires non-empty name argument")
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    for what, value, kind in (
        ("name", name, str),
        ("step_metric", step_metric, str),
        ("step_sync", step_sync, bool),
        ("hidden", hidden, bool),
        ("summary", summary, str),
        ("overwrite", overwrite, bool),
    ):
        if value is not None and not isinstance(value, kind):
            raise Error(f"Unhandled define_metric() arg: {what} type: {type(value).__name__}")
    if "*" in name[:-1]:
        raise Error(f"Unhandled define_metric() arg: name (glob suffixes only): {name}")
    words = tuple(word.lower() for word in summary.split(",")) if summary else None
    for word in words or ():
        if word not in AGGREGATES:
            raise Error(f"Unhandled define_metric() arg: summary op: {word}")
    if step_sync is None:
        step_sync = step_metric is not None
    return Metric(name, step_metric, step_sync, hidden, words)
