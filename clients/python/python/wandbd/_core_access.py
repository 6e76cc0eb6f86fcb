"""The compiled core, set up once per process."""

from __future__ import annotations

from types import ModuleType

_configured: ModuleType | None = None


def core() -> ModuleType:
    """The core, told which daemon to start and how to convert values."""
    global _configured
    import wandbd._core as module

    if _configured is not module:
        from wandbd._bin import find_daemon
        from wandbd._values import convert

        module.configure(daemon=find_daemon(), convert=convert)
        _configured = module
    return module
