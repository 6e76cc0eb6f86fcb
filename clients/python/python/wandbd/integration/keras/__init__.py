"""Callbacks for Keras 3 on any backend. They never import TensorFlow, and failing to log never ends a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbd.integration.keras.metrics_logger import WandbMetricsLogger
from wandbd.integration.keras.model_checkpoint import WandbModelCheckpoint

__all__ = ["WandbMetricsLogger", "WandbModelCheckpoint"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """W&B's other callbacks are not built yet."""
        from wandbd import _names

        raise _names.missing("module 'wandbd.integration.keras'", name, _names.KERAS)
