"""The page of the embedded backend, looked at in a real browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Backend, Home, eventually
from harness.places import SCRIPTS
from harness.trainer import run as train
from harness.whole import arrived

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="chromium is not installed (in CI its absence is a failure)"
)


def look(home: Home, address: str, *options: str, limit_s: float = 90) -> str:
    """Open an address in a browser without a window and return what it prints."""
    assert CHROMIUM is not None, "chromium is not installed"
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            f"--user-data-dir={home.root / 'chromium'}",
            "--window-size=1280,900",
            "--virtual-time-budget=5000",
            *options,
            address,
        ],
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
    from harness import Trainer

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
