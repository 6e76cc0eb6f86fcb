"""More columns for tables of samples and predictions, told by what the first of them looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import wandbd
from wandbd.integration.keras.arrays import as_numpy, plain, visible

Processor = Callable[[int, dict[str, Any]], dict[str, Any]]
MOST_NODES = 10


def class_links(labels: Sequence[str]) -> list[Any]:
    """Links to the rows of a table of the labels; none without labels."""
    return list(wandbd.Table(columns=["label"], data=[[label] for label in labels]).get_index()) if labels else []


def inferred(columns: Sequence[str], first: dict[str, Any], links: Sequence[Any], like: Any = None) -> Processor:
    """A processor for some columns.

    Args:
        columns: Which.
        first: The first sample, by column.
        links: One for each class, or none.
        like: The first input, if the columns are predictions: a prediction of its shape is shown as a mask on it.

    Returns:
        A function of the number and the cells of a row, which gives new cells by `<column>:<suffix>`.
    """
    makers = {column: _maker(as_numpy(first[column]), links, like) for column in columns}

    def process(number: int, row: dict[str, Any]) -> dict[str, Any]:
        cells = {}
        for column, make in makers.items():
            for suffix, cell in make(as_numpy(row[column]), row).items():
                cells[f"{column}:{suffix}"] = cell
        return cells

    return process


def _maker(first: Any, links: Sequence[Any], like: Any) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    if first.ndim == 1:
        return _vector(first, links)
    if first.ndim in (2, 3):
        return lambda value, row: {"image": wandbd.Image(visible(value))}
    if first.ndim == 4:
        return lambda value, row: {"video": wandbd.Video(value)}
    return lambda value, row: {}


def _vector(first: Any, links: Sequence[Any]) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    one_hot = _is_one_hot(first)
    if links and len(first) == len(links):
        names = [link._table.data[place][0] for place, link in enumerate(links)]

        def classified(value: Any, row: dict[str, Any]) -> dict[str, Any]:
            cells: dict[str, Any] = {"max_class": links[int(value.argmax())]}
            if not one_hot:
                cells["score"] = {str(name): float(score) for name, score in zip(names, value, strict=True)}
            return cells

        return classified
    if len(first) == 1 and np.issubdtype(first.dtype, np.integer):

        def single(value: Any, row: dict[str, Any]) -> dict[str, Any]:
            number = int(value[0])
            return {"class": links[number] if 0 <= number < len(links) else number} if links else {"val": number}

        return single

    def positions(value: Any, row: dict[str, Any]) -> dict[str, Any]:
        cells: dict[str, Any] = {}
        if len(value) <= MOST_NODES:
            cells["node"] = [plain(one) for one in value]
        cells["argmax"] = int(value.argmax())
        if not one_hot:
            cells["argmin"] = int(value.argmin())
        return cells

    return positions


def _is_one_hot(vector: Any) -> bool:
    return bool(np.isin(vector, (0, 1)).all() and vector.sum() == 1)
