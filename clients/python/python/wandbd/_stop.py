"""The `stop_fn` setting: called once when the run's page asks for a stop. Without it the process is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbd._run import Run

LOOK_S = 1.0


def watch(run: Run, stop: Callable[[], None]) -> None:
    """Look for the request until the run ends."""
    import threading

    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            if run._core.stopped:
                stop()
                return

    threading.Thread(target=look, name="wandbd-stop", daemon=True).start()
    run._at_end.append(ended.set)
