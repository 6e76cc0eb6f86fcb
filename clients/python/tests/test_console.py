"""Console capture: the terminal comes first, and nothing of ours can break printing."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

import wandbd as wandb
from wandbd._console import Console

Streams = Callable[[], tuple[io.StringIO, io.StringIO]]


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Puts memory in place of the streams when it is called: pytest sets its own at the start of each phase."""

    def replace() -> tuple[io.StringIO, io.StringIO]:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    return replace


def test_both_streams_are_captured_and_given_back(streams: Streams) -> None:
    out, err = streams()
    got: list[tuple[bool, str]] = []
    console = Console(lambda stderr, text: got.append((stderr, text)))
    console.start()
    print("a")
    print("b", file=sys.stderr, end="\r")
    console.stop()
    print("c")
    assert got == [(False, "a"), (False, "\n"), (True, "b"), (True, "\r")]
    assert (out.getvalue(), err.getvalue()) == ("a\nc\n", "b\r")
    assert "write" not in out.__dict__


def test_a_failing_sink_does_not_disturb_printing(streams: Streams) -> None:
    out, err = streams()

    def sink(stderr: bool, text: str) -> None:
        raise RuntimeError

    console = Console(sink)
    console.start()
    print("a")
    console.stop()
    assert out.getvalue() == "a\n"


def test_a_sink_that_prints_is_not_captured_again(streams: Streams) -> None:
    out, err = streams()
    got: list[str] = []

    def sink(stderr: bool, text: str) -> None:
        got.append(text)
        print("inner")

    console = Console(sink)
    console.start()
    sys.stdout.write("a")
    console.stop()
    assert got == ["a"]
    assert out.getvalue() == "ainner\n"


def test_somebody_elses_wrapper_on_top_of_ours_survives_the_end(streams: Streams) -> None:
    out, err = streams()
    got: list[str] = []
    console = Console(lambda stderr, text: got.append(text))
    console.start()
    ours = sys.stdout.write
    sys.stdout.write = lambda text: ours(text.upper())  # type: ignore[method-assign]
    print("a")
    console.stop()
    print("b")
    assert out.getvalue() == "A\nB\n"
    assert got == ["A", "\n"]


def test_errors_of_the_stream_itself_are_the_users(streams: Streams) -> None:
    out, err = streams()
    console = Console(lambda stderr, text: None)
    console.start()
    with pytest.raises(TypeError):
        sys.stdout.write(3)  # type: ignore[arg-type]
    console.stop()


def test_missing_and_unwritable_streams_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", object())
    console = Console(lambda stderr, text: None)
    console.start()
    console.stop()


def test_a_forked_child_is_not_captured(streams: Streams) -> None:
    out, err = streams()
    got: list[str] = []
    console = Console(lambda stderr, text: got.append(text))
    console.start()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        sys.stdout.write("child")
        os.write(write, str(len(got)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    console.stop()
    assert os.read(read, 10) == b"0"
    os.close(read)
    os.close(write)


def test_a_run_captures_from_init_to_finish_but_not_its_own_first_and_last_lines(core: Any, streams: Streams) -> None:
    out, err = streams()
    run = wandb.init()
    print("hello")
    run.finish()
    print("after")
    assert core.named("output") == [(False, "hello"), (False, "\n")]


def test_on_a_terminal_our_lines_do_not_stick_to_the_scripts(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    run = wandb.init()
    sys.stdout.write("50%\r100%")
    run.finish()
    assert "\n50%\r100%\nwandb: " in terminal.getvalue()
    assert "\n\n" not in terminal.getvalue()


def test_console_off_captures_nothing(core: Any, streams: Streams) -> None:
    out, err = streams()
    with wandb.init(settings=wandb.Settings(console="off")):
        print("hello")
    assert core.named("output") == []
    assert core.opened[0].fields["console"] == "off"


def test_two_runs_listen_to_one_wrapper_and_end_in_any_order(streams: Streams) -> None:
    out, err = streams()
    first: list[str] = []
    second: list[str] = []
    one = Console(lambda stderr, text: first.append(text))
    other = Console(lambda stderr, text: second.append(text))
    one.start()
    wrapper = sys.stdout.write
    other.start()
    assert sys.stdout.write is wrapper
    print("a")
    one.stop()
    print("b")
    other.stop()
    print("c")
    assert (first, second) == (["a", "\n"], ["a", "\n", "b", "\n"])
    assert "write" not in out.__dict__


def test_a_wrapper_that_was_wrapped_is_used_again(streams: Streams) -> None:
    import functools

    out, err = streams()
    got: list[str] = []
    one = Console(lambda stderr, text: got.append(text))
    one.start()
    ours = sys.stdout.write

    @functools.wraps(ours)
    def theirs(text: str) -> int:
        return ours(text)

    theirs.__wrapped__ = ours  # type: ignore[attr-defined]
    sys.stdout.write = theirs  # type: ignore[method-assign]
    one.stop()
    again = Console(lambda stderr, text: got.append(text))
    again.start()
    sys.stdout.write("once")
    again.stop()
    assert got == ["once"]


def test_a_library_that_keeps_the_old_stream_object_is_captured(streams: Streams) -> None:
    out, err = streams()
    kept = sys.stderr
    got: list[str] = []
    console = Console(lambda stderr, text: got.append(text))
    console.start()
    kept.write("10%\r")
    console.stop()
    assert (got, err.getvalue()) == (["10%\r"], "10%\r")
    assert (kept.isatty(), sys.stderr is kept) == (False, True)


REDIRECTED = """
import os, subprocess, sys
sys.path[:0] = {paths!r}
import fake_core
sys.modules["wandbd._core"] = fake_core
import wandbd as wandb

run = wandb.init(settings=wandb.Settings(console="redirect", silent=True))
print("by python")
sys.stdout.flush()
subprocess.run([sys.executable, "-c", "import sys; print('by a child', sys.stdout.isatty())"], check=True)
os.write(2, "by the system: é\\n".encode())
run.finish()
print("after")
sys.stdout.flush()
text = {{True: "", False: ""}}
for stderr, piece in fake_core.named("output"):
    text[stderr] += piece
with open({out!r}, "w") as file:
    file.write(repr(text))
"""


def redirected(tmp_path: Any, **streams_of: Any) -> tuple[Any, dict[bool, str]]:
    import ast
    import subprocess
    from pathlib import Path

    here = Path(__file__).parent
    out = tmp_path / "heard"
    code = REDIRECTED.format(paths=[str(here), str(here.parent / "python")], out=str(out))
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, **streams_of)
    heard: dict[bool, str] = ast.literal_eval(out.read_text())
    return done, heard


def test_redirect_hears_subprocesses_and_the_system_too_and_passes_all_on(tmp_path: Any) -> None:
    done, heard = redirected(tmp_path, capture_output=True, text=True)
    assert heard == {False: "by python\nby a child False\n", True: "by the system: é\n"}
    assert done.stdout == "by python\nby a child False\nafter\n"
    assert done.stderr == "by the system: é\n"


def test_redirect_leaves_a_terminal_a_terminal(tmp_path: Any) -> None:
    import pty
    import subprocess

    ours, theirs = pty.openpty()
    _, heard = redirected(tmp_path, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    seen = b""
    while b"after" not in seen:
        seen += os.read(ours, 4096)
    os.close(ours)
    assert heard[False] == "by python\nby a child True\n"
    assert seen.decode().startswith("by python\r\nby a child True\r\n")
