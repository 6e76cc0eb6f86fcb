"""Pictures and tables that were handed over reach the server, whatever becomes of the daemon meanwhile."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import Backend, Daemon, Home, Trainer

COUNT = 30
KILLS = 3

MEDIA = """
    import sys
    import wandbd as wandb

    run_id, count, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = wandb.init(project="e2e", id=run_id)
    for i in range(count):
        page = wandb.Html(f"<b>{i}</b>", inject=False)
        table = wandb.Table(columns=["i", "page"], data=[[i, page], [i + 1, page]])
        run.log({"i": i, "page": page, "tab": table})
        if i % (count // kills) == 1:
            print("some", flush=True)
            sys.stdin.readline()
    artifact = wandb.Artifact(f"pages-{run_id}", type="pages")
    artifact.add(table, "last")
    run.log_artifact(artifact)
    run.finish()
"""


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend) -> Home:
    """A home whose daemon the test itself starts and kills."""
    return make_home(backend.environment() | {"WANDBD_AUTOSTART": "0", "WANDBD_FINISH": "delivered"})


def content(backend: Backend, run: dict[str, Any], value: dict[str, Any]) -> bytes:
    """The file that a row names, checked against what the row says of it."""
    (file,) = [file for file in run["files"] if file["name"] == value["path"]]
    text = backend.download(file["url"])
    assert hashlib.sha256(text).hexdigest() == value["sha256"]
    assert len(text) == value["size"]
    return text


def test_media_survive_kills_of_the_daemon(home: Home, backend: Backend, run_id: str) -> None:
    # Given a trainer that logs pages, and tables with the same pages in them
    daemon = Daemon(home)
    trainer = Trainer(home, MEDIA, run_id, COUNT, KILLS)

    # When the daemon is killed again and again while it makes files of them
    for _ in range(KILLS):
        trainer.said("some", 60)
        trainer.say()
        daemon.kill()
        daemon.start()
    trainer.succeeds(120)

    # Then every row is there once, with the files that it names
    run = backend.finished(run_id, 60)
    rows = backend.history(run_id)
    assert [row["i"] for row in rows] == list(range(COUNT))
    for i, row in enumerate(rows):
        assert content(backend, run, row["page"]) == f"<b>{i}</b>".encode()
        assert json.loads(content(backend, run, row["tab"]))["data"] == [[i, "Html"], [i + 1, "Html"]]
    assert not run["violations"], run["violations"]

    # And every table is an artifact, as is what was logged by hand
    committed = [one for one in run["artifacts"] if one["state"] == "COMMITTED"]
    tables = [one for one in committed if one["type"] == "run_table"]
    assert len(tables) == COUNT
    (pages,) = [one for one in committed if one["type"] == "pages"]
    names = {file["name"] for file in pages["files"]}
    assert "last.table.json" in names and len(names) == 2
