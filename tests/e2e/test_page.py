"""The page of the embedded backend, looked at in a real browser."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import Backend, Home, Trainer, eventually
from harness.places import SCRIPTS
from harness.trainer import run as train
from harness.whole import arrived

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="chromium is not installed (in CI its absence is a failure)"
)


FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)


class Tab:
    """A page in a browser that does what it is told: JSON messages over two pipes, each ended by a zero byte."""

    def __init__(self, home: Home, address: str) -> None:
        """Open the address in a browser of its own."""
        assert CHROMIUM is not None, "chromium is not installed"
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        # The browser reads from 3 and writes to 4; the shell is there to put them in place.
        place = f'exec "$@" 3<&{read} 4>&{write}'
        words = [CHROMIUM, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={home.root / 'chromium-tab'}"]
        self._browser = subprocess.Popen(
            ["bash", "-c", place, "bash", *words], env=home.environment(), cwd=home.work, pass_fds=(read, write), stderr=subprocess.DEVNULL
        )
        home.own(self._browser)
        os.close(read)
        os.close(write)
        self._heard = b""
        self._number = 0
        self._session: str | None = None
        target = self._ask("Target.createTarget", url=address)["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._heard:
                piece = os.read(self._read, 65536)
                assert piece, "the browser has gone"
                self._heard += piece
            text, self._heard = self._heard.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def value(self, expression: str) -> Any:
        """Return what an expression is in the page; None while it fails."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def close(self) -> None:
        """End the browser."""
        self._ask("Browser.close")
        self._browser.wait(timeout=20)
        os.close(self._write)
        os.close(self._read)


def look(home: Home, address: str, *options: str, limit_s: float = 90) -> str:
    """Open an address in a browser without a window and return what it prints."""
    assert CHROMIUM is not None, "chromium is not installed"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={home.root / 'chromium'}", "--virtual-time-budget=5000", *options, address],
        env=home.environment(),
        cwd=home.work,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_token(backend: Backend, path: str) -> str:
    """Return the address of a page, with the token that opens it."""
    address, _, query = backend.page.partition("?")
    return f"{address.rstrip('/')}{path}?{query}"


def test_the_page_shows_runs_and_a_run_with_its_charts_console_files_and_artifacts(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run
    train(home, SCRIPTS / "whole.py", run_id, 50)
    run = arrived(backend, run_id, 50)
    path = f"/{run['entity']}/{run['project']}/runs/{run_id}"

    # When the list is opened, then the run is in it
    listed = look(home, backend.page, "--dump-dom")
    assert f"name of {run_id}" in listed

    # When the run is opened, then its name, state, metrics and console are there
    dom = look(home, with_token(backend, path), "--dump-dom")
    assert f"name of {run_id}" in dom
    assert "finished" in dom
    for metric in ("loss", "val/acc"):
        assert metric in dom, f"no chart of {metric}"
    assert re.search(r"<(canvas|svg)", dom), "no chart is drawn"

    # And a picture of it is not empty
    picture = home.root / "page.png"
    look(home, with_token(backend, path), f"--screenshot={picture}")
    assert picture.stat().st_size > 20_000
    keep = os.environ.get("WANDBD_E2E_PICTURES")
    if keep:
        Path(keep).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, Path(keep) / "run.png")


def test_what_a_run_says_cannot_become_part_of_the_page(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run whose names are made of HTML
    script = f"""
        import wandbd as wandb
        evil = '<img src=x onerror="document.title=\\'owned\\'">'
        run = wandb.init(project="e2e", id="{run_id}", name=evil, config={{"c": evil}})
        run.log({{evil: 1.0}})
        print(evil)
        run.finish()
    """
    train(home, script)
    run = backend.finished(run_id)

    # When it is looked at, then it is text
    dom = look(home, with_token(backend, f"/{run['entity']}/{run['project']}/runs/{run_id}"), "--dump-dom")
    assert not re.search(r"<img[^>]*onerror", dom)
    assert "<title>owned</title>" not in dom
    assert "&lt;img src=x" in dom


def test_the_page_follows_a_run_while_it_trains(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run in the middle of its training
    trainer = Trainer(home, SCRIPTS / "paced.py", run_id, 60_000, 60.0)
    found = eventually(lambda: (run := backend.find(run_id)) and run["historyLineCount"] > 0 and run, 30, "the first rows are there")

    # When its page is opened, then it says that it runs, with a chart
    dom = look(home, with_token(backend, f"/{found['entity']}/{found['project']}/runs/{run_id}"), "--dump-dom")
    assert "running" in dom
    assert "loss" in dom
    trainer.kill()


def test_without_its_token_the_page_shows_no_run(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run
    train(home, SCRIPTS / "whole.py", run_id, 5)
    arrived(backend, run_id, 5)

    # When the address is opened without the token, then nothing of it is shown
    dom = look(home, backend.url + "/", "--dump-dom")
    assert run_id not in dom


def test_the_top_of_a_run_tells_what_it_belongs_to_and_its_button_stops_it(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run of the real SDK that trains, forked from another
    script = """
        import sys, time, wandb
        settings = wandb.Settings(x_file_stream_transmit_interval=1)
        name = sys.argv[1]
        with wandb.init(project="e2e", id=name + "-parent") as run:
            run.log({"a": 1})
        run = wandb.init(project="e2e", id=name, fork_from=name + "-parent?_step=0", tags=["tag-one"], notes="a note", group="group-one",
                         job_type="job-one", settings=settings)
        run.alert("too low", "the loss is too low")
        print("an error", file=sys.stderr)
        print("started", flush=True)
        while True:
            run.log({"a": 1})
            time.sleep(0.2)
    """
    trainer = Trainer(home, script, run_id, env={"WANDB_SILENT": "true", "WANDB_X_DISABLE_STATS": "true"})
    trainer.said("started")
    found = backend.known(run_id)
    tab = Tab(home, with_token(backend, f"/{found['entity']}/{found['project']}/runs/{run_id}") + "#console")

    # When its page is open, then it shows all that
    def text() -> str:
        return str(tab.value("document.body.innerText"))

    def says(words: str) -> None:
        eventually(lambda: words in text(), 30, f"the page says {words!r}", every_s=0.2)

    for expect in ("tag-one", "a note", "group-one", "job-one", f"Forked from {run_id}-parent at step 0", "too low", "an error", "running"):
        says(expect)

    # And when its button is pressed, only the second press stops it
    press = "document.querySelector('button.stop').click(), document.querySelector('button.stop').textContent"
    assert tab.value(press) == "Stop it now?"
    assert backend.run(run_id)["stopped"] is False
    tab.value(press)
    trainer.wait(60)
    assert any("KeyboardInterrupt" in line for line in trainer.errors), trainer.text()
    says("killed")
    assert tab.value("document.querySelector('button.stop').hidden") is True
    tab.close()
