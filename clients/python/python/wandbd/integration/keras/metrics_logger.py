"""Logs what Keras measures: one history row per epoch, and per batch if asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

import wandbd
from wandbd._errors import Error
from wandbd._term import of_current_run
from wandbd.integration.keras.learning_rate import learning_rates


class WandbMetricsLogger(keras.callbacks.Callback):
    """Logs losses, metrics and the learning rate to the current run.

    Epoch rows hold `epoch/<name>` against `epoch/epoch`; batch rows hold `batch/<name>` against `batch/batch_step`.
    Anything that fails while training is one warning, and training goes on.
    """

    def __init__(self, log_freq: str | int = "epoch", initial_global_step: int = 0, *args: Any, **kwargs: Any) -> None:
        """Choose how often to log.

        Args:
            log_freq: `"epoch"`, `"batch"`, or a number n for every nth batch. Epochs are logged in any case.
            initial_global_step: Batches trained before; the schedule of a fresh optimizer is read from there.
            *args: For Keras.
            **kwargs: For Keras.

        Raises:
            Error: There is no run.
            ValueError: `log_freq` is none of its three forms.
        """
        super().__init__(*args, **kwargs)
        if wandbd.run is None:
            raise Error("You must call `wandb.init()` before WandbMetricsLogger()")
        self.log_freq = _frequency(log_freq)
        self.logging_batch_wise = self.log_freq is not None
        self.global_batch = 0
        self.global_step = int(initial_global_step)
        self._warned: set[str] = set()
        for family, axis in (("epoch", "epoch"), *((("batch", "batch_step"),) if self.logging_batch_wise else ())):
            wandbd.define_metric(f"{family}/{axis}")
            wandbd.define_metric(f"{family}/*", step_metric=f"{family}/{axis}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the epoch's row."""
        row = {f"epoch/{name}": value for name, value in (logs or {}).items()}
        row["epoch/epoch"] = epoch
        self._log("epoch", row)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the batch's row, if it is due."""
        self.on_batch_end(batch, logs)

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """The old name of `on_train_batch_end`."""
        self.global_step += 1
        if self.log_freq is None or batch % self.log_freq:
            return
        row = {f"batch/{name}": value for name, value in (logs or {}).items()}
        row["batch/batch_step"] = self.global_batch
        self.global_batch += self.log_freq
        self._log("batch", row)

    def _log(self, family: str, row: dict[str, Any]) -> None:
        try:
            rates = learning_rates(getattr(self.model, "optimizer", None), self.global_step)
            row.update({f"{family}/{name}": rate for name, rate in rates.items()})
        except Exception as error:  # a rate that cannot be read must not end a training
            self._warn("the learning rate could not be read", error)
        try:
            wandbd.log(row)
        except Exception as error:  # nor must a row that cannot be logged
            self._warn("metrics could not be logged", error)

    def _warn(self, what: str, error: Exception) -> None:
        if what not in self._warned:
            self._warned.add(what)
            of_current_run().warn(f"WandbMetricsLogger: {what}: {error}")


def _frequency(log_freq: Any) -> int | None:
    """None for epochs only, else every how many batches."""
    if isinstance(log_freq, str):
        if log_freq == "epoch":
            return None
        if log_freq == "batch":
            return 1
    elif hasattr(type(log_freq), "__index__") and int(log_freq) > 0:
        return int(log_freq)
    raise ValueError(f"log_freq should be 'epoch', 'batch' or a positive int, not {log_freq!r}")
