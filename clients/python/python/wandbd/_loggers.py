"""The `capture_loggers` setting: what loggers of Python's `logging` say goes to the run's console log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandbd._run import Run


def capture(run: Run, levels: Mapping[str, str | int]) -> None:
    """Attach to each of the loggers, from its level on, until the run ends."""
    import logging

    class Handler(logging.Handler):
        """Writes to the run."""

        def emit(self, record: logging.LogRecord) -> None:
            """Never raises: logging must not fail because of the run."""
            try:
                run.write_logs(self.format(record))
            except Exception:
                self.handleError(record)

    for name, level in levels.items():
        handler = Handler(level)
        handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
        logger = logging.getLogger(name or None)
        logger.addHandler(handler)
        run._at_end.append(lambda logger=logger, handler=handler: logger.removeHandler(handler))  # type: ignore[misc]
