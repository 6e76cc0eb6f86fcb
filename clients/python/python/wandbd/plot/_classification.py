"""Charts of how well classes are told apart: confusion matrix, ROC and precision-recall curves.

Neither numpy nor scikit-learn is needed; the curves are those that scikit-learn draws.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from wandbd.data_types._media import plain
from wandbd.data_types._table import Table
from wandbd.plot._chart import CustomChart, plot_table


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """How often each class was taken for each other.

    Args:
        probs: Probabilities of all classes, for each sample; or `preds`.
        y_true: The true classes.
        preds: The predicted classes.
        class_names: Names of classes 0, 1, ...; `Class_1`, `Class_2`, ... without it.
        title: Of the chart.
        split_table: Whether the table goes to a section of its own.

    Raises:
        ValueError: Both `probs` and `preds` are given, or numbers do not fit.
    """
    if probs is not None and preds is not None:
        raise ValueError("Only one of `probs` or `preds` should be provided, not both.")
    if probs is not None:
        preds = [row.index(max(row)) for row in plain(probs)]
    found, true = plain(preds), plain(y_true)
    if len(found) != len(true):
        raise ValueError("The number of predictions and true labels must be equal.")
    classes: list[Any]
    if class_names is not None:
        classes = list(range(len(class_names)))
        if len(set(found)) > len(class_names):
            raise ValueError("The number of unique predicted classes exceeds the number of class names.")
        if len(set(true)) > len(class_names):
            raise ValueError("The number of unique true labels exceeds the number of class names.")
    else:
        classes = sorted({*found, *true})
        class_names = [f"Class_{at + 1}" for at in range(len(classes))]
    place = {value: at for at, value in enumerate(classes)}
    counts = [[0.0] * len(classes) for _ in classes]
    for one, other in zip(true, found, strict=True):
        counts[place[one]][place[other]] += 1
    data = [
        [class_names[row], class_names[column], counts[row][column]]
        for row in range(len(classes))
        for column in range(len(classes))
    ]
    columns = ["Actual", "Predicted", "nPredictions"]
    return plot_table(
        "wandb/confusion_matrix/v1",
        Table(columns=list(columns), data=data),
        {name: name for name in columns},
        {"title": title},
        split_table,
    )


def roc_curve(
    y_true: Any,
    y_probas: Any = None,
    labels: list[str] | None = None,
    classes_to_plot: list[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart | None:
    """True positives over false ones, for each class against the others.

    Args:
        y_true: The true classes.
        y_probas: Probabilities or scores of all classes, for each sample.
        labels: Names of classes 0, 1, ...
        classes_to_plot: Which classes; all without it.
        title: Of the chart.
        split_table: Whether the table goes to a section of its own.
    """
    rows: list[list[Any]] = []
    for name, hits, scores in _each_class(y_true, y_probas, labels, classes_to_plot):
        below, above = _roc(hits, scores)
        rows.extend([name, _round(x), _round(y)] for x, y in zip(below, above, strict=True))
    return _area(rows, ["class", "fpr", "tpr"], title, "False positive rate", "True positive rate", split_table)


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: list[str] | None = None,
    classes_to_plot: list[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart | None:
    """Precision over recall, for each class against the others.

    Args:
        y_true: The true classes.
        y_probas: Probabilities or scores of all classes, for each sample.
        labels: Names of classes 0, 1, ...
        classes_to_plot: Which classes; all without it.
        interp_size: How many points a curve has.
        title: Of the chart.
        split_table: Whether the table goes to a section of its own.
    """
    step = 1 / (interp_size - 1) if interp_size > 1 else 0.0  # multiplied as numpy.linspace does it
    wanted = [at * step if at < interp_size - 1 or not at else 1.0 for at in range(interp_size)][::-1]
    rows: list[list[Any]] = []
    for name, hits, scores in _each_class(y_true, y_probas, labels, classes_to_plot):
        precision, recall = _precision_recall(hits, scores)
        rows.extend([name, _round(precision[bisect_left(recall, at)]), _round(at)] for at in wanted)
    return _area(rows, ["class", "precision", "recall"], title, "Recall", "Precision", split_table)


def _each_class(
    y_true: Any, y_probas: Any, labels: list[str] | None, wanted: Any
) -> Iterator[tuple[Any, list[bool], list[float]]]:
    from wandbd._term import termerror

    for name, value in (("y_true", y_true), ("y_probas", y_probas)):
        if value is None:
            termerror(f"{name} is None. Please try again.")
            return
    true, scores = plain(y_true), plain(y_probas)
    only = None if wanted is None else set(plain(wanted))
    for at, value in enumerate(sorted(set(true))):
        if only is not None and value not in only:
            continue
        name = labels[value] if labels is not None and isinstance(value, int) else value
        yield name, [item == value for item in true], [row[at] for row in scores]


def _counts(hits: list[bool], scores: list[float]) -> list[tuple[int, int]]:
    """True and false positives at each score, from the highest down."""
    order = sorted(range(len(scores)), key=lambda at: scores[at], reverse=True)
    found: list[tuple[int, int]] = []
    true = false = 0
    for number, at in enumerate(order):
        true, false = true + hits[at], false + (not hits[at])
        if number + 1 == len(order) or scores[order[number + 1]] != scores[at]:
            found.append((true, false))
    return found


def _roc(hits: list[bool], scores: list[float]) -> tuple[list[float], list[float]]:
    points = _counts(hits, scores)
    if len(points) > 2:  # points on a straight line between their neighbours are left out
        kept = [points[0]]
        for before, at, after in zip(points, points[1:], points[2:], strict=False):
            if (after[0] - at[0], after[1] - at[1]) != (at[0] - before[0], at[1] - before[1]):
                kept.append(at)
        points = [*kept, points[-1]]
    points = [(0, 0), *points]
    all_true, all_false = points[-1]
    return (
        [false / all_false if all_false else float("nan") for _, false in points],
        [true / all_true if all_true else float("nan") for true, _ in points],
    )


def _precision_recall(hits: list[bool], scores: list[float]) -> tuple[list[float], list[float]]:
    """Precision, made to grow from the lowest threshold up, and recall; both from the highest threshold down."""
    points = _counts(hits, scores)
    all_true = points[-1][0]
    precision = [true / (true + false) for true, false in points][::-1] + [1.0]
    recall = [true / all_true if all_true else 1.0 for true, _ in points][::-1] + [0.0]
    for at in range(1, len(precision)):
        precision[at] = max(precision[at], precision[at - 1])
    return precision[::-1], recall[::-1]


def _round(value: float) -> float:
    return round(value * 1000) / 1000 if value == value else value


def _area(
    rows: list[list[Any]], columns: list[str], title: str, x: str, y: str, split_table: bool
) -> CustomChart | None:
    if not rows:
        return None
    limit = Table.MAX_ROWS
    if len(rows) > limit:
        from wandbd._term import termwarn

        termwarn(f"wandb uses only {limit} data points to create the plots.")
        rows = [rows[at * (len(rows) - 1) // (limit - 1)] for at in range(limit)]
    horizontal, vertical = (columns[1], columns[2]) if columns[1] == "fpr" else (columns[2], columns[1])
    return plot_table(
        "wandb/area-under-curve/v0",
        Table(columns=list(columns), data=rows),
        {"x": horizontal, "y": vertical, "class": "class"},
        {"title": title, "x-axis-title": x, "y-axis-title": y},
        split_table,
    )
