"""The runs of this process, and which of them `wandbd.run`, `wandbd.log` and the others mean."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbd._run import Run

_GLOBALS = (
    "run", "alert", "config", "define_metric", "link_model", "log", "log_artifact", "log_code", "log_model",
    "mark_preempting", "pin_config_keys", "save", "summary", "use_artifact", "use_model",
)  # fmt: skip

_runs: list[Run] = []
_current: Run | None = None


def runs() -> list[Run]:
    """All runs of this process that are not finished, oldest first; in a forked child also those it inherited."""
    return list(_runs)


def current() -> Run | None:
    """The run that the module's own functions mean."""
    return _current


def owned() -> Run | None:
    """The youngest unfinished run that this very process has opened, but for disabled ones."""
    return next((run for run in reversed(_runs) if run.owner and not run.disabled), None)


def with_session(session: str) -> Run | None:
    """The run that belongs to the owner's `session`, if this process takes part in it."""
    return next((run for run in _runs if run.session == session), None)


def add(run: Run, current: bool) -> None:
    """Remember `run`; if it is the current one, the module's names mean it from now on."""
    global _current
    _runs.append(run)
    if current:
        _current = run
        module = sys.modules["wandbd"]
        for name in _GLOBALS[1:]:
            setattr(module, name, getattr(run, name))
        module.run = run  # type: ignore[attr-defined]


def remove(run: Run) -> None:
    """Forget `run`; if it was the current one, the module's names mean none."""
    global _current
    if run in _runs:
        _runs.remove(run)
    if _current is run:
        _current = None
        module = sys.modules["wandbd"]
        for name in _GLOBALS:
            module.__dict__.pop(name, None)
