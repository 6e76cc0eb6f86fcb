"""The errors of wandbd, under the names that W&B gives them."""

from __future__ import annotations

from wandbd._errors import AuthenticationError, CommError, ConfigError, Error, UnsupportedError, UsageError

__all__ = ["AuthenticationError", "CommError", "ConfigError", "Error", "UnsupportedError", "UsageError"]
