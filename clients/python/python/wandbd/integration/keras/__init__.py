"""Callbacks for Keras 3 on any backend. They import no other backend, and failing to log never ends a training."""

from __future__ import annotations

from wandbd.integration.keras.eval_callback import WandbEvalCallback
from wandbd.integration.keras.metrics_logger import WandbMetricsLogger
from wandbd.integration.keras.model_checkpoint import WandbModelCheckpoint
from wandbd.integration.keras.wandb_callback import WandbCallback

__all__ = ["WandbCallback", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]
