"""Logs a table of the data at the start of training and a table of predictions after every epoch."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

import wandbd
from wandbd import _registry
from wandbd._errors import Error
from wandbd._term import of_current_run
from wandbd.integration.keras.arrays import plain


class WandbEvalCallback(keras.callbacks.Callback, abc.ABC):
    """The base of callbacks that show what a model predicts.

    Write `add_ground_truth` and `add_model_predictions`, which fill `self.data_table` and `self.pred_table`. The data
    table is an input artifact of the run, each prediction table a version of `run_<run id>_pred`. Cells of the data
    table are found again as `self.data_table_ref[row][column]`.
    """

    def __init__(
        self, data_table_columns: Sequence[str], pred_table_columns: Sequence[str], *args: Any, **kwargs: Any
    ) -> None:
        """Choose the columns.

        Args:
            data_table_columns: Names of the columns of the data table.
            pred_table_columns: Names of the columns of the prediction tables.
            *args: For Keras.
            **kwargs: For Keras.

        Raises:
            Error: There is no run.
        """
        super().__init__(*args, **kwargs)
        if wandbd.run is None:
            raise Error("You must call `wandb.init()` first before using this callback.")
        self.data_table_columns = list(data_table_columns)
        self.pred_table_columns = list(pred_table_columns)
        self.data_table: Any = None
        self.data_table_ref: Any = None
        self.pred_table: Any = None
        self._warned: set[str] = set()

    @abc.abstractmethod
    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of the data: `self.data_table.add_data(...)` for each sample."""

    @abc.abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of the predictions: `self.pred_table.add_data(...)` for each sample."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Make and log the data table."""
        self.init_data_table(column_names=self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Make and log a prediction table."""
        self.init_pred_table(column_names=self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    def init_data_table(self, column_names: Sequence[str]) -> None:
        """Make `self.data_table`, whose columns may hold values of several types."""
        self.data_table = _table(column_names, mixed=True)

    def init_pred_table(self, column_names: Sequence[str]) -> None:
        """Make a new `self.pred_table`, each of whose columns holds one type."""
        self.pred_table = _table(column_names, mixed=False)

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:
        """Log the data table as an input of the run, and make `self.data_table_ref`.

        Args:
            name: Of the artifact.
            type: Of the artifact.
            table_name: Of the table in the artifact.
        """
        run = _registry.current() or wandbd.run
        try:
            if run is not None and not run.disabled:
                artifact = wandbd.Artifact(name, type=type)
                artifact.add(self.data_table, table_name)
                run._use_draft(artifact)
        except Exception as error:  # what cannot be logged must not end a training
            self._warn("the data table could not be logged", error)
        self.data_table_ref = TableReference(self.data_table)

    def log_pred_table(
        self, type: str = "evaluation", table_name: str = "eval_data", aliases: Sequence[str] | None = None
    ) -> None:
        """Log the prediction table as a version of `run_<run id>_pred`.

        Args:
            type: Of the artifact.
            table_name: Of the table in the artifact.
            aliases: Of the version; `latest` unless given.
        """
        run = _registry.current() or wandbd.run
        if run is None:
            return
        try:
            artifact = wandbd.Artifact(f"run_{run.id}_pred", type=type)
            artifact.add(self.pred_table, table_name)
            run.log_artifact(artifact, aliases=list(aliases or ["latest"]))
        except Exception as error:  # what cannot be logged must not end a training
            self._warn("the prediction table could not be logged", error)

    def _warn(self, what: str, error: Exception) -> None:
        if what not in self._warned:
            self._warned.add(what)
            of_current_run().warn(f"{type(self).__name__}: {what}: {error}")


class TableReference:
    """The data table as it was logged: `ref[row][column]`, `ref.data[row][column]`, `ref.get_index()`."""

    def __init__(self, table: Any) -> None:
        """Refer to a table, which is not copied."""
        self._table = table

    def __getitem__(self, row: int) -> list[Any]:
        """The cells of a row."""
        cells: list[Any] = self._table.data[row]
        return cells

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._table.data)

    def __iter__(self) -> Iterator[list[Any]]:
        """The rows."""
        return iter(self._table.data)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the table has."""
        return getattr(self._table, name)


def _table(columns: Sequence[str], mixed: bool) -> Any:
    """A table that takes scalars of any backend for the numbers that they are."""

    class Cells(wandbd.Table):  # type: ignore[misc, unused-ignore]
        def add_data(self, *data: Any) -> None:
            super().add_data(*map(plain, data))

    return Cells(columns=list(columns), allow_mixed_types=mixed)
