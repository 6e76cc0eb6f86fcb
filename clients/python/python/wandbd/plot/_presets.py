"""Charts of a table by W&B's presets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wandbd.plot._chart import CustomChart, plot_table

if TYPE_CHECKING:
    from wandbd.data_types._table import Table


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """Lines of column `y` over column `x`, one for each value of column `stroke`."""
    fields = {"x": x, "y": y, "stroke": stroke}
    return plot_table("wandb/line/v0", table, fields, {"title": title}, split_table)


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Points of column `y` over column `x`."""
    return plot_table("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Bars as long as column `value`, named by column `label`."""
    return plot_table("wandb/bar/v0", table, {"label": label, "value": value}, {"title": title}, split_table)


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """A histogram of column `value`."""
    return plot_table("wandb/histogram/v0", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Any,
    ys: Any,
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Several lines.

    Args:
        xs: The x values of all lines, or a list of them for each.
        ys: A list of y values for each line.
        keys: The names of the lines; `line_0`, `line_1`, ... without it.
        title: Of the chart.
        xname: Of the x axis.
        split_table: Whether the table goes to a section of its own.

    Raises:
        ValueError: There are more or fewer `xs` or `keys` than `ys`.
    """
    from wandbd.data_types._table import Table

    if not isinstance(xs[0], Iterable) or isinstance(xs[0], (str, bytes)):
        xs = [xs] * len(ys)
    if len(xs) != len(ys):
        raise ValueError(f"Number of x-series ({len(xs)}) must match y-series ({len(ys)}).")
    names: Sequence[str] = [f"line_{at}" for at in range(len(ys))] if keys is None else list(keys)
    if len(names) != len(ys):
        raise ValueError(f"Number of keys ({len(names)}) must match y-series ({len(ys)}).")
    data = [
        [x, name, y]
        for name, x_values, y_values in zip(names, xs, ys, strict=True)
        for x, y in zip(x_values, y_values, strict=False)
    ]
    columns = ["step", "lineKey", "lineVal"]
    return plot_table(
        "wandb/lineseries/v0",
        Table(columns=list(columns), data=data),
        {name: name for name in columns},
        {"title": title, "xname": xname},
        split_table,
    )
