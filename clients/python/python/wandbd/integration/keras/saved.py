"""The best model: a file of the run, and a version of an artifact."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import keras

import wandbd
from wandbd import _registry


def save_best(model: Any, epoch: int, weights_only: bool, warn: Callable[[str], None]) -> None:
    """Save `model-best.h5` in the run's folder, and log the model as `model-<run name>`.

    H5 cannot hold every model: the file is `model-best.keras` then. Weights alone are `model-best.weights.h5`.

    Args:
        model: The model.
        epoch: Of the alias.
        weights_only: Whether the run's file holds only the weights.
        warn: Told what could not be saved.
    """
    run = _registry.current() or wandbd.run
    if run is None:
        return
    name = _write_file(model, run.dir, weights_only)
    run.save(os.path.join(run.dir, name), base_path=run.dir, policy="live")
    if run.disabled:
        return
    artifact = wandbd.Artifact(_artifact_name(run), type="model")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path, overwrite=True)
        artifact._add_link("model.keras", path)
        _export(model, folder, artifact, warn)
    run.log_artifact(artifact, aliases=["latest", f"epoch_{epoch}"])


def _write_file(model: Any, folder: str, weights_only: bool) -> str:
    os.makedirs(folder, exist_ok=True)
    names = ["model-best.weights.h5"] if weights_only else ["model-best.h5", "model-best.keras"]
    for name in names:
        beside = os.path.join(folder, f".tmp-{os.getpid()}-{name}")
        try:
            if weights_only:
                model.save_weights(beside, overwrite=True)
            else:
                model.save(beside, overwrite=True)
            os.replace(beside, os.path.join(folder, name))
            return name
        except (NotImplementedError, ValueError, TypeError):  # H5 holds only models whose graph is known
            if name == names[-1]:
                raise
        finally:
            if os.path.exists(beside):
                os.unlink(beside)
    return names[-1]


def _export(model: Any, folder: str, artifact: Any, warn: Callable[[str], None]) -> None:
    """A SavedModel beside it, where TensorFlow is the backend."""
    if keras.backend.backend() != "tensorflow":
        return
    target = os.path.join(folder, "export")
    try:
        model.export(target, format="tf_saved_model", verbose=False)
        for parent, _, files in os.walk(target):
            for file in files:
                path = os.path.join(parent, file)
                artifact._add_link(os.path.relpath(path, target).replace(os.sep, "/"), path)
    except Exception as error:  # the model is there already, in Keras's own form
        warn(f"no SavedModel could be exported: {error}")
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _artifact_name(run: Any) -> str:
    return "model-" + re.sub(r"[^a-zA-Z0-9_.\-]", "_", str(run.name or run.id))
