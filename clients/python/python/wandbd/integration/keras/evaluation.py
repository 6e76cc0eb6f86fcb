"""The table of validation samples and the tables of what the model predicts for them (`log_evaluation`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

import wandbd
from wandbd import _registry
from wandbd.integration.keras import processors
from wandbd.integration.keras.arrays import as_numpy, plain, rows, take
from wandbd.integration.keras.processors import Processor

MOST_ROWS = 100


class Evaluation:
    """Validation data, their table, and a table of predictions whenever it is asked for."""

    def __init__(
        self,
        x: Any,
        y: Any,
        labels: Sequence[str],
        indexes: Sequence[Any] | None,
        validation_processor: Processor | None,
        prediction_processor: Processor | None,
        infer: bool,
    ) -> None:
        """Keep the data.

        Args:
            x: Inputs: an array, or a list or dict of arrays.
            y: The truth, likewise.
            labels: Names of the classes.
            indexes: Keys of the samples in a table that was logged already; None: a table is made of the data.
            validation_processor: Makes more cells of a sample.
            prediction_processor: Makes more cells of a prediction.
            infer: Whether to make such functions where none is given.
        """
        self.x, self.y = x, y
        self._links = processors.class_links(labels)
        self._indexes = indexes
        self._validation_processor = validation_processor
        self._prediction_processor = prediction_processor
        self._infer = infer

    def log_data(self) -> None:
        """Log the samples as `validation_data` of the input artifact `wb_validation_data`, unless they have keys."""
        if self._indexes is not None:
            return
        columns = {**_columns("target", self.y), **_columns("input", self.x)}
        process = self._validation_processor
        if process is None and self._infer:
            process = self._infer_validation(columns)
        table = _table(columns, process)
        run = _registry.current() or wandbd.run
        if run is not None:
            artifact = wandbd.Artifact("wb_validation_data", type="validation_dataset")
            artifact.add(table, "validation_data")
            run._use_draft(artifact)
        self._indexes = table.get_index()

    def log_predictions(self, model: Any, commit: bool) -> None:
        """Predict for all samples and log the table as `validation_predictions`."""
        columns = _columns("output", model.predict(self.x, verbose=0), getattr(model, "output_names", None))
        predicted = list(columns)
        columns["val_row"] = list(self._indexes or [])[: rows(self.x)]
        process = self._prediction_processor
        if process is None and self._infer:
            first = {name: columns[name][0] for name in predicted}
            process = processors.inferred(predicted, first, self._links)
        wandbd.log({"validation_predictions": _table(columns, process)}, commit=commit)

    def _infer_validation(self, columns: dict[str, Any]) -> Processor:
        first = {name: values[0] for name, values in columns.items()}
        targets = [name for name in columns if name not in _columns("input", self.x)]
        of_targets = processors.inferred(targets, first, self._links)
        of_inputs = processors.inferred([name for name in columns if name not in targets], first, [])
        return lambda number, row: {**of_inputs(number, row), **of_targets(number, row)}


def _columns(name: str, data: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Columns of arrays: of one `name`, of several their own names, or `name:<number>`."""
    if isinstance(data, dict):
        return {key: as_numpy(one) for key, one in data.items()}
    if isinstance(data, (list, tuple)):
        if names is not None and len(names) == len(data):
            return {key: as_numpy(one) for key, one in zip(names, data, strict=True)}
        return {f"{name}:{number}": as_numpy(one) for number, one in enumerate(data)}
    return {name: as_numpy(data)}


def _table(columns: dict[str, Any], process: Processor | None) -> Any:
    """A table of the columns, and of those that `process` makes of each row."""
    count = len(next(iter(columns.values())))
    names = list(columns)
    cells = [[_cell(columns[name][number]) for name in names] for number in range(count)]
    more: dict[str, list[Any]] = {}
    if process is not None:
        for number in range(count):
            for name, cell in process(number, {name: columns[name][number] for name in names}).items():
                more.setdefault(name, [None] * count)[number] = cell
    for number, row in enumerate(cells):
        row.extend(plain(values[number]) for values in more.values())
    return wandbd.Table(columns=[*names, *more], data=cells, allow_mixed_types=True)


def _cell(value: Any) -> Any:
    value = plain(value)
    return value.item() if getattr(value, "shape", None) == () else value


def collected(generator: Any, steps: int | None) -> tuple[Any, Any] | None:
    """The samples of a generator or data set: of `steps` batches, else at most 100."""
    inputs, targets, count = [], [], 0
    for number, batch in enumerate(generator):
        if number >= steps if steps is not None else count >= MOST_ROWS:
            break
        inputs.append(keras.tree.map_structure(as_numpy, batch[0]))
        targets.append(keras.tree.map_structure(as_numpy, batch[1]))
        count += rows(batch[0])
    if not inputs:
        return None
    import numpy as np

    def joined(*parts: Any) -> Any:
        return np.concatenate(parts)

    x, y = keras.tree.map_structure(joined, *inputs), keras.tree.map_structure(joined, *targets)
    return (x, y) if steps is not None else (take(x, slice(MOST_ROWS)), take(y, slice(MOST_ROWS)))
