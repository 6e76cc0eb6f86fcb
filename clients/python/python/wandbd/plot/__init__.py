"""Charts of tables: presets of W&B, and one's own by `plot_table`."""

from __future__ import annotations

from wandbd.plot._chart import CustomChart, CustomChartSpec, Visualize, VisualizeSpec, plot_table, visualize
from wandbd.plot._classification import confusion_matrix, pr_curve, roc_curve
from wandbd.plot._presets import bar, histogram, line, line_series, scatter

__all__ = [
    "CustomChart",
    "CustomChartSpec",
    "Visualize",
    "VisualizeSpec",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]
