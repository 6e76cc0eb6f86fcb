"""The end of a process: an owner's run is finished with the script's exit code, a taking part one is left.

`atexit` serves ordinary processes. Children of `multiprocessing` end without it, so they get a `Finalize`; its
registry is emptied in each such child before our part of it is called, therefore it is registered anew there.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import get_ident
from types import TracebackType
from typing import Any

from wandbd import _registry

CTRL_C = 255

_armed = False
_code = 0
_main_thread = 0


def code() -> int:
    """The exit code that the script seems to end with."""
    return _code


def arm() -> None:
    """Watch for the end of this process; the first call does it."""
    global _armed, _main_thread
    if not _armed:
        _armed = True
        threading = sys.modules.get("threading")
        _main_thread = threading.main_thread().ident if threading is not None else get_ident()
        _watch_exit()
        atexit.register(at_exit)
        os.register_at_fork(after_in_child=after_fork)
        anchor_multiprocessing()


def _watch_exit() -> None:
    """Note the code of `sys.exit` in the main thread, and an exception that ends the script."""
    before_exit, before_hook = sys.exit, sys.excepthook

    def leave(status: Any = None, /) -> Any:
        global _code
        if get_ident() == _main_thread:
            _code = 0 if status is None else status if isinstance(status, int) else 1
        before_exit(status)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _code
        _code = CTRL_C if issubclass(kind, KeyboardInterrupt) else 1
        before_hook(kind, error, trace)

    sys.exit = leave
    sys.excepthook = hook


def at_exit() -> None:
    """Finish or leave everything, youngest first."""
    for run in reversed(_registry.runs()):
        try:
            run.finish(exit_code=_code)
        except Exception as error:  # the other runs want to end, too
            run._terminal.error(f"could not finish run {run.id}: {error}")


def after_fork() -> None:
    """In a child: what was inherited is not ours to show or to end."""
    global _code, _main_thread
    _code = 0
    _main_thread = get_ident()
    anchor_multiprocessing()


class _Anchor:
    """Something that lives as long as the process, for `register_after_fork` to hold on to."""


_anchor = _Anchor()


def anchor_multiprocessing() -> None:
    """See to it that a child made by `multiprocessing` ends through `at_exit`."""
    util = sys.modules.get("multiprocessing.util")
    if util is None:
        return
    util.register_after_fork(_anchor, _finalize_child)
    if _is_child():
        _finalize_child(_anchor)


def _finalize_child(_: object) -> None:
    util = sys.modules["multiprocessing.util"]
    util.Finalize(None, at_exit, exitpriority=0)


def _is_child() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None
