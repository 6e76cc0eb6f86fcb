"""A notebook's cells go to the run's files, as they were run: `code/_session_history.ipynb`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandbd._run import Run

NAME = "code/_session_history.ipynb"


def keep_history(run: Run) -> None:
    """Save the cells at the end of `run`, if this is a notebook and its code is to be saved."""
    from wandbd._computed import in_notebook

    if run._settings.save_code and in_notebook():
        run._at_end.append(lambda: save_history(run))


def save_history(run: Run) -> None:
    """Write all cells that were run in this session, and upload the file."""
    import json

    try:
        cells = [_cell(*line) for line in _history()]
        path = os.path.join(run.dir, *NAME.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(_notebook(cells), file, ensure_ascii=False, indent=1)
        run._core.save([(NAME, path)], "now")
    except Exception as error:  # the run is what counts
        run._terminal.warn(f"the cells of this notebook could not be saved: {error}")


def _history() -> list[tuple[int, str, str | None]]:
    """Number, text and printed value of each cell of this session."""
    shell = sys.modules["IPython"].get_ipython()
    lines = shell.history_manager.get_range(session=0, raw=True, output=True)
    return [(number, *(texts if isinstance(texts, tuple) else (texts, None))) for _, number, texts in lines]


def _cell(number: int, text: str, value: str | None) -> dict[str, Any]:
    outputs = []
    if value is not None:
        data = {"text/plain": str(value)}
        outputs.append({"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}})
    return {"cell_type": "code", "execution_count": number, "metadata": {}, "outputs": outputs, "source": text}


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    version = ".".join(map(str, sys.version_info[:3]))
    kernel = {"display_name": f"Python {sys.version_info[0]}", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python", "version": version}}
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4}
