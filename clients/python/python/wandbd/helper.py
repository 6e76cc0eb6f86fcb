"""Help with configs, under the name that W&B gives it."""

from __future__ import annotations

from wandbd._config_sources import parse_config

__all__ = ["parse_config"]
