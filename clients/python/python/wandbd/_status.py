"""How far a run is, and its page in a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from wandbd._computed import in_notebook

if TYPE_CHECKING:
    from datetime import datetime

    from wandbd._run import Run


class RunStatus(NamedTuple):
    """How much of a run the server has."""

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: datetime | None = None


def status(run: Run) -> RunStatus:
    """History rows of `run`, and how many of them the server does not have yet."""
    from wandbd._facts import ANSWER_S

    info = None if run.disabled else run._core.fetch(ANSWER_S)
    if info is None:
        return RunStatus()
    rows = int(info.get("rows") or 0)
    return RunStatus(rows, max(0, rows - int(info.get("rows_delivered") or 0)))


def display(run: Run, height: int, hidden: bool) -> bool:
    """Show the page of `run`, where there is something to show it in."""
    if not run._terminal.show_info or not in_notebook():
        return False
    sys.modules["IPython"].display.display({"text/html": to_html(run, height, hidden)}, raw=True)
    return True


def to_html(run: Run, height: int, hidden: bool) -> str:
    """A frame with the page of `run`; its name when there is no page."""
    import html

    url = run.url
    if not url:
        return html.escape(repr(run))
    style = f"border:none;width:100%;height:{height}px;"
    before = ""
    if hidden:
        style += "display:none;"
        before = (
            "<button onClick=\"this.nextSibling.style.display='block';this.style.display='none';\">"
            "Display W&amp;B run</button>"
        )
    return f"{before}<iframe src='{html.escape(url, quote=True)}?jupyter=true' style='{style}'></iframe>"
