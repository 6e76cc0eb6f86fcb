"""The compiled core, set up once per process."""

from __future__ import annotations

from types import ModuleType

_configured: ModuleType | None = None


def core() -> ModuleType:
    """The core, told which daemon to start, how to convert values, and to obey the stop button of a run's page."""
    global _configured
    import wandbd._core as module

    if _configured is not module:
        from wandbd._bin import find_daemon
        from wandbd._values import convert

        module.configure(daemon=find_daemon(), convert=convert, interrupt_on_stop=True)
        _configured = module
    return module


def stop_by_function() -> None:
    """The stop button calls a function of the script instead of interrupting it."""
    from wandbd._bin import find_daemon
    from wandbd._values import convert

    core().configure(daemon=find_daemon(), convert=convert, interrupt_on_stop=False)
