"""Media on their way: made in the daemon, delivered once, also over a kill, and cleaned up."""

import hashlib
from collections.abc import Callable
from typing import Any

from harness import Backend, Chaos, Daemon, Home, eventually
from harness.daemon import command
from harness.sdk import sync
from harness.trainer import Trainer
from harness.trainer import run as train

PICTURES = 6

LOGS = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1], mode=sys.argv[2])
    for i in range(int(sys.argv[3])):
        picture = wandb.Image([[[i, 0, 255 - i]] * 8] * 4)
        table = wandb.Table(columns=["i", "word"], data=[[i, "a"], [i + 0.5, "b"]])
        run.log({"i": i, "picture": picture, "table": table, "spread": wandb.Histogram([i, i, i + 1.0])})
        print("logged", i, flush=True)
        if len(sys.argv) > 4:
            sys.stdin.readline()
    run.finish()
"""


def check(backend: Backend, run_id: str, rows: int) -> None:
    """Every row has its media, and every file is there once with the content that the row names."""
    history = backend.history(run_id)
    assert [row["i"] for row in history] == list(range(rows))
    run = backend.run(run_id)
    files = {file["name"]: file for file in run["files"]}
    named: list[dict[str, Any]] = [row[key] for row in history for key in ("picture", "table")]
    for media in named:
        content = backend.download(files[media["path"]]["url"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (media["size"], media["sha256"]), media["path"]
    assert sorted(name for name in files if name.startswith("media/")) == sorted({media["path"] for media in named})
    assert [row["spread"]["values"] and sum(row["spread"]["values"]) for row in history] == [3] * rows
    tables = [artifact for artifact in run["artifacts"] if artifact["type"] == "run_table"]
    assert len(tables) == rows, [artifact["name"] for artifact in tables]
    assert not run["violations"], run["violations"]


def test_media_arrive_and_what_was_made_for_them_goes(home: Home, backend: Backend, run_id: str) -> None:
    train(home, LOGS, run_id, "online", PICTURES)
    backend.finished(run_id)

    check(backend, run_id, PICTURES)
    eventually(lambda: not list(home.state.glob("runs/*/made")), 30, "the made files are gone")


def test_media_arrive_once_when_the_daemon_is_killed_between_ack_and_delivery(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given rows with media that are on disk here and nowhere else
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = Trainer(home, LOGS, run_id, "online", PICTURES, "wait")
    for number in range(PICTURES):
        trainer.said(f"logged {number}")
        if number == PICTURES // 2:
            # When the daemon is killed in between, and comes again
            daemon.kill()
            daemon.start()
        trainer.say()
    trainer.succeeds()
    daemon.kill()
    chaos.up()
    daemon.start()

    # Then all arrive, each once
    backend.finished(run_id, 120)
    check(backend, run_id, PICTURES)


def test_an_offline_run_with_media_is_complete_in_its_folder_and_a_sync_delivers_it(home: Home, backend: Backend, run_id: str) -> None:
    train(home, LOGS, run_id, "offline", PICTURES)
    (folder,) = (home.work / "wandb").glob("offline-run-*")
    pictures = list(folder.glob("files/media/images/*.png"))
    assert len(pictures) == PICTURES

    done = command(home, "sync", str(folder), limit_s=120)

    assert done.returncode == 0, done.stdout + done.stderr
    backend.finished(run_id)
    check(backend, run_id, PICTURES)
    assert len(list(folder.glob("files/media/images/*.png"))) == PICTURES


def test_the_real_sync_delivers_an_offline_run_with_media(home: Home, backend: Backend, run_id: str) -> None:
    train(home, LOGS, run_id, "offline", PICTURES)
    (folder,) = (home.work / "wandb").glob("offline-run-*")

    sync(home, backend, folder)

    backend.finished(run_id)
    check(backend, run_id, PICTURES)
