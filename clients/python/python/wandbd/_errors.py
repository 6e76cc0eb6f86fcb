"""The errors that a user of wandbd can meet.

    Exception
    └── Error                      anything of ours
        ├── CommError              the server or the daemon could not be reached or refused
        │   └── AuthenticationError    the API key is missing or has the wrong shape
        ├── ConfigError            a config value would be changed without leave
        └── UsageError             called in a way that cannot work
            ├── UnsupportedError   a part of W&B that wandbd does not provide yet
            └── SettingsError      a setting has a wrong name or value (also a ValueError)

`log` raises none of these for lack of a daemon: it keeps rows, counts what it must drop, and says so once.
"""

from __future__ import annotations


class Error(Exception):
    """Base of all errors of wandbd."""

    message: str

    def __init__(self, message: str) -> None:
        """Keep `message` as an attribute, as W&B's errors do."""
        super().__init__(message)
        self.message = message


class CommError(Error):
    """The server or the daemon could not be reached, or refused."""


class AuthenticationError(CommError):
    """The API key is missing or has the wrong shape."""


class ConfigError(Error):
    """A config value would be changed without `allow_val_change`."""


class UsageError(Error):
    """Called in a way that cannot work."""


class UnsupportedError(UsageError):
    """A part of W&B that wandbd does not provide yet."""


class SettingsError(UsageError, ValueError):
    """A setting has a wrong name or value."""
