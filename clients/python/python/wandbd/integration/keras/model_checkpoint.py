"""Saves checkpoints as Keras does and logs each as a version of an artifact.

A checkpoint is written under a temporary name in its own folder and renamed into place, and the file that is uploaded
is a hard link in the daemon's staging directory: the next save makes a new file, so it cannot change one that is
being uploaded.

When the network is slower than the checkpoints, `WANDBD_CHECKPOINTS` says what becomes of those that newer ones wait
behind: `all` are uploaded (the default), `newest`: only the newest and the newest best one, `every:N`: each N-th and
the newest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import keras

import wandbd
from wandbd import _registry
from wandbd._artifact import Artifact
from wandbd._errors import Error
from wandbd._term import of_current_run
from wandbd.integration.keras.forms import Form, chosen_form, has_placeholder

_NO_OPTIONS = object()
_LARGER_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "fmeasure", "iou", "r2", "map")


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras's ModelCheckpoint that also logs what it saves, as artifact `run_<run id>_model`.

    Every save becomes a version with the aliases `latest` and `epoch_<n>`, or `epoch_<n>_batch_<m>`, counted from 0.
    Where Keras 3 cannot write a path it is brought into a form that it can: a folder gets `model.keras` (and a
    SavedModel where TensorFlow can export one), weights get a name that ends in `.weights.h5`.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        options: Any = _NO_OPTIONS,
        **kwargs: Any,
    ) -> None:
        """Choose what to save, when and where; the arguments are Keras's.

        Args:
            filepath: Where to save; may hold `{epoch}`, `{batch}` and names of metrics.
            monitor: The metric that tells the best.
            verbose: 1 for a line at each save.
            save_best_only: Whether to save only what is better than everything before.
            save_weights_only: Whether to save the weights and not the model.
            mode: `min`, `max`, or `auto` to tell by the metric.
            save_freq: `"epoch"` or a number of batches.
            initial_value_threshold: What the first best has to beat.
            options: Save options of Keras 2; kept, and without effect in the formats of Keras 3.
            **kwargs: For Keras.

        Raises:
            Error: There is no run.
            ValueError: Keras refuses an argument.
        """
        given = os.fspath(filepath)
        self._form: Form = chosen_form(given, save_weights_only)
        super().__init__(
            filepath=self._form.template,
            monitor=monitor,
            verbose=verbose,
            save_best_only=save_best_only,
            save_weights_only=save_weights_only,
            mode=mode,
            save_freq=save_freq,
            initial_value_threshold=initial_value_threshold,
            **kwargs,
        )
        self.filepath = given
        if wandbd.run is None:
            raise Error("You must call `wandb.init()` before `WandbModelCheckpoint()`")
        self.options = None if options is _NO_OPTIONS else options
        self._guessed = False
        self._best_value: Any = None
        self._exports = self._form.folder
        self._warned: set[str] = set()
        self._speak_at_start(given, options)

    def _speak_at_start(self, given: str, options: Any) -> None:
        if options is not _NO_OPTIONS and options is not None:
            self._inform("`options` has no effect: Keras 3 writes its files from the host process")
        if self.save_best_only and not has_placeholder(given):
            self._warn(
                "with `save_best_only` use a path like model-{epoch}.keras, so that files do not replace each other"
            )
        if self._form.note:
            self._inform(self._form.note)

    # Which direction is better

    def _set_monitor_op(self) -> None:
        try:
            super()._set_monitor_op()
        except ValueError:  # Keras cannot tell, or not yet
            larger = any(word in self.monitor.lower() for word in _LARGER_IS_BETTER)
            self.monitor_op = keras.ops.greater if larger else keras.ops.less
            self._guessed = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save and log, if it is due."""
        if self._guessed:  # the metrics are built now: ask Keras again
            self._guessed = False
            self.monitor_op = None
        super().on_epoch_end(epoch, logs)

    # Saving

    def _save_model(self, epoch: int, batch: int | None, logs: Mapping[str, Any] | None) -> None:
        logs = dict(logs or {})
        if self.monitor_op is None:
            self._set_monitor_op()
        path = self._get_file_path(epoch, batch, logs)
        if not self._should_save_model(epoch, batch, logs, path):
            return
        artifact = self._new_artifact(epoch, batch, logs)
        if "://" in path:
            self._save_remote(path, artifact)
        else:
            self._save_local(path, artifact)
        if self.verbose > 0:
            sys.stdout.write(f"\nEpoch {epoch + 1}: finished saving model to {path}\n")
        self._upload(artifact, epoch, batch)

    def _get_file_path(self, epoch: int, batch: int | None, logs: Mapping[str, Any]) -> str:
        given, self.filepath = self.filepath, self._form.template
        try:
            path = str(super()._get_file_path(epoch, batch, logs))
        finally:
            self.filepath = given
        return os.path.dirname(path) if self._form.folder else path

    def _save_local(self, path: str, artifact: Artifact | None) -> None:
        if self._form.folder:
            os.makedirs(path, exist_ok=True)
            self._replace(os.path.join(path, "model.keras"), "model.keras", artifact)
            self._export(path, artifact)
            return
        parent = os.path.dirname(path)
        if parent:
            os.makedirs(parent, exist_ok=True)
        if os.path.isdir(path):
            raise OSError(f"Please specify a non-directory filepath for ModelCheckpoint. This is a directory: {path}")
        self._replace(path, os.path.basename(path), artifact)

    def _replace(self, path: str, inside: str, artifact: Artifact | None) -> None:
        """Write a file in full before it takes the place of the one that is there."""
        folder, name = os.path.split(path)
        temporary = os.path.join(folder, f".{os.getpid()}-tmp-{name}")
        try:
            self._write(temporary)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        self._link(artifact, inside, path)

    def _write(self, path: str) -> None:
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _export(self, folder: str, artifact: Artifact | None) -> None:
        """A SavedModel beside `model.keras`, where this backend can make one; it is tried until it fails."""
        if not self._exports or not _can_export():
            return
        temporary = os.path.join(folder, f".{os.getpid()}-tmp-export")
        try:
            self.model.export(temporary, format="tf_saved_model", verbose=False)
            for parent, _, files in os.walk(temporary):
                for name in files:
                    source = os.path.join(parent, name)
                    inside = os.path.relpath(source, temporary)
                    target = os.path.join(folder, inside)
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    os.replace(source, target)
                    self._link(artifact, inside.replace(os.sep, "/"), target)
        except Exception as error:  # the export comes on top of a file that is saved already
            self._exports = False
            self._warn("no SavedModel could be exported; model.keras is saved", error)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _save_remote(self, path: str, artifact: Artifact | None) -> None:
        """A path that is not on this machine: log a local copy, then let Keras write there."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            self._replace(os.path.join(folder, os.path.basename(path)), os.path.basename(path), artifact)
        try:
            self._write(path)
        except Exception as error:  # the checkpoint is logged
            self._warn(f"could not write {path}; the artifact has the checkpoint", error)

    # Logging

    def _new_artifact(self, epoch: int, batch: int | None, logs: Mapping[str, Any]) -> Artifact | None:
        run = _registry.current() or wandbd.run
        if run is None:
            self._warn("there is no run any more, so checkpoints are saved and not logged")
            return None
        metadata: dict[str, Any] = {"epoch": epoch, "format": self._form.name}
        if batch is not None:
            metadata["batch"] = batch
        if self.monitor in logs:
            metadata.update(monitor=self.monitor, value=logs[self.monitor])
        artifact = Artifact(f"run_{run.id}_model", type="model", metadata=metadata)
        artifact._best = self._is_best(logs)
        return artifact

    def _is_best(self, logs: Mapping[str, Any]) -> bool:
        """Whether this is the best so far, which `WANDBD_CHECKPOINTS` does not leave out."""
        if self.save_best_only:
            return True
        value = logs.get(self.monitor)
        if value is None or not (self._best_value is None or bool(self.monitor_op(value, self._best_value))):
            return False
        self._best_value = value
        return True

    def _link(self, artifact: Artifact | None, inside: str, path: str) -> None:
        if artifact is None:
            return
        try:
            artifact._add_link(inside, os.path.abspath(path))
        except Exception as error:  # the checkpoint is saved
            self._warn("a checkpoint could not be kept for its upload", error)

    def _upload(self, artifact: Artifact | None, epoch: int, batch: int | None) -> None:
        if artifact is None or not len(artifact.manifest):
            return
        alias = f"epoch_{epoch}" if batch is None else f"epoch_{epoch}_batch_{batch}"
        try:
            wandbd.log_artifact(artifact, aliases=["latest", alias])
        except Exception as error:  # the checkpoint is saved
            self._warn("a checkpoint could not be logged", error)

    def _inform(self, line: str) -> None:
        of_current_run().info(f"WandbModelCheckpoint: {line}")

    def _warn(self, what: str, error: Exception | None = None) -> None:
        if what not in self._warned:
            self._warned.add(what)
            of_current_run().warn(f"WandbModelCheckpoint: {what}" + (f": {error}" if error is not None else ""))


def _can_export() -> bool:
    import importlib.util

    return keras.backend.backend() != "torch" and importlib.util.find_spec("tensorflow") is not None
