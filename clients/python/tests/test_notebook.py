"""What is different in a notebook. IPython is here in form only: its streams, its events and its history."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import wandbd as wandb


class Events:
    def __init__(self) -> None:
        self.known: list[Callable[..., None]] = []

    def register(self, event: str, call: Callable[..., None]) -> None:
        assert event == "pre_run_cell"
        self.known.append(call)

    def unregister(self, event: str, call: Callable[..., None]) -> None:
        self.known.remove(call)


class History:
    def get_range(self, session: int, raw: bool, output: bool) -> Any:
        yield 0, 1, ("import wandbd", None)
        yield 0, 2, ("1 + 1", "2")


class Shell:
    """Like IPython's, it lends the stream another `write` while a cell runs, and gives it its own back."""

    def __init__(self) -> None:
        self.events, self.history_manager = Events(), History()
        self.shown: list[tuple[Any, bool]] = []

    def run_cell(self, cell: Callable[[], Any]) -> Any:
        for call in list(self.events.known):
            call(None)
        stream: Any = sys.stdout
        own = stream.write
        stream.write = lambda text: own(text)
        try:
            return cell()
        finally:
            stream.write = own


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, core: Any) -> Shell:
    found = Shell()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: found  # type: ignore[attr-defined]
    display.display = lambda data, raw=False: found.shown.append((data, raw))  # type: ignore[attr-defined]
    ipython.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    return found


def printed(core: Any) -> str:
    return "".join(text for stderr, text in core.named("output") if not stderr)


def test_what_all_cells_print_goes_to_the_run(shell: Shell, core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = shell.run_cell(lambda: (wandb.init(), print("one"))[0])
    shell.run_cell(lambda: print("two"))
    shell.run_cell(lambda: print("three"))
    shell.run_cell(run.finish)
    shell.run_cell(lambda: print("after"))
    assert printed(core) == "one\ntwo\nthree\n"
    assert capsys.readouterr().out == "one\ntwo\nthree\nafter\n"
    assert shell.events.known == []


def test_the_next_run_finishes_the_one_before(shell: Shell, core: Any) -> None:
    first = shell.run_cell(wandb.init)
    second = shell.run_cell(wandb.init)
    assert first is not second
    assert [call[0] for call in core.named("finish")] == [first.id]
    shell.run_cell(second.finish)


def test_the_cells_are_saved_if_code_is(shell: Shell, core: Any) -> None:
    run = shell.run_cell(lambda: wandb.init(save_code=True))
    shell.run_cell(run.finish)
    ((name, path),) = core.named("save")[0][0]
    assert name == "code/_session_history.ipynb"
    notebook = json.loads(Path(path).read_text())
    assert [cell["source"] for cell in notebook["cells"]] == ["import wandbd", "1 + 1"]
    assert notebook["cells"][1]["outputs"][0]["data"] == {"text/plain": "2"}
    assert (notebook["nbformat"], notebook["metadata"]["language_info"]["name"]) == (4, "python")


def test_the_cells_stay_here_if_code_does(shell: Shell, core: Any) -> None:
    run = shell.run_cell(wandb.init)
    shell.run_cell(run.finish)
    assert core.named("save") == []


def test_the_page_is_shown_in_a_frame(shell: Shell, core: Any) -> None:
    core.info["url"] = "http://x/e/p/runs/r"
    run = shell.run_cell(wandb.init)
    assert shell.run_cell(run.display) is True
    (data, raw) = shell.shown[0]
    assert raw is True
    assert "http://x/e/p/runs/r?jupyter=true" in data["text/html"]
    assert set(run._repr_mimebundle_()) == {"text/html", "text/plain"}
    shell.run_cell(run.finish)
