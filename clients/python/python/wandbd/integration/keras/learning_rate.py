"""Reading an optimizer's learning rate, on any backend, without changing anything."""

from __future__ import annotations

from typing import Any

import keras


def learning_rates(optimizer: Any, steps: int) -> dict[str, float]:
    """The rate by name: `learning_rate`, or `learning_rate_<name>` for each part of a multi-optimizer.

    Args:
        optimizer: The model's, or None.
        steps: The batches that a schedule should count at least; the optimizer's own count when that is higher.
    """
    if optimizer is None:
        return {}
    parts = getattr(optimizer, "optimizers", None)
    if isinstance(parts, (list, tuple)):
        return {f"learning_rate_{part.name}": _rate(part, steps) for part in parts}
    return {"learning_rate": _rate(optimizer, steps)}


def _rate(optimizer: Any, steps: int) -> float:
    inner = getattr(optimizer, "inner_optimizer", None) or optimizer
    schedule = getattr(inner, "_learning_rate", None)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return _number(schedule(max(int(_number(inner.iterations)), steps)))
    return _number(optimizer.learning_rate)


def _number(value: Any) -> float:
    return float(keras.ops.convert_to_numpy(value))
