"""Proof of format: the real `wandb sync` delivers our journals, and `wandbd sync` delivers theirs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Backend, Chaos, Daemon, Home
from harness.daemon import command
from harness.places import SCRIPTS
from harness.sdk import read_back, sync
from harness.trainer import run as train
from harness.whole import arrived, rows_of, users_part

WHOLE = SCRIPTS / "whole.py"
ROWS = 50


def offline_folder(home: Home) -> Path:
    """Return the only offline run of a home."""
    (folder,) = (home.work / "wandb").glob("offline-run-*")
    return folder


def test_the_real_sync_delivers_an_offline_run_of_ours(home: Home, backend: Backend, run_id: str) -> None:
    # Given an offline run that wandbd wrote
    train(home, WHOLE, run_id, ROWS, env={"WANDB_MODE": "offline"})
    assert backend.find(run_id) is None

    # When the real tool sends it
    sync(home, backend, offline_folder(home))

    # Then what `wandb.Api()` reads equals what was logged
    _reads_as_logged(read_back(home, backend, run_id), run_id)
    run = backend.finished(run_id)
    assert run["exitcode"] == 0
    assert "the last line" in backend.console(run_id)


def test_the_real_sync_delivers_an_online_journal_of_ours(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a run that was to go online but never reached its server, and no daemon any more
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    chaos.down()
    daemon = Daemon(home)
    train(home, WHOLE, run_id, ROWS)
    daemon.kill()
    (journal,) = home.journals()

    # When the real tool sends its journal
    sync(home, backend, "--include-online", journal)

    # Then it is whole
    _reads_as_logged(read_back(home, backend, run_id), run_id)


def _reads_as_logged(read: dict[str, Any], run_id: str) -> None:
    assert [users_part(row) for row in map(_without_none, read["history"])] == [_flat(row) for row in rows_of(ROWS)]
    assert [row["_step"] for row in read["history"]] == list(range(len(read["history"])))
    assert (read["config"]["lr"], read["config"]["deep"], read["config"]["late"]) == (0.1, {"a": [1, 2]}, True)
    assert read["summary"]["verdict"] == "good"
    assert read["summary"]["val/epoch"] == (ROWS - 1) // 10
    assert read["name"] == f"name of {run_id}"
    assert read["tags"] == ["one", "two"]
    assert read["state"] == "finished"
    (artifact,) = [found for found in read["artifacts"].values() if found["type"] == "model"]
    assert {"best", "latest"} <= set(artifact["aliases"])
    assert artifact["metadata"] == {"rows": ROWS}
    assert list(artifact["files"]) == [f"model-{run_id}.bin"]


def _without_none(row: dict[str, Any]) -> dict[str, Any]:
    """A scan fills up keys that a row does not have."""
    return {key: value for key, value in row.items() if value is not None}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return row


def test_our_sync_delivers_an_offline_run_of_the_real_sdk_as_the_real_sync_does(home: Home, backend: Backend, run_id: str) -> None:
    # Given an offline run that the real SDK wrote, and a copy of it
    train(home, WHOLE, run_id, ROWS, "wandb", env={"WANDB_MODE": "offline"}, limit_s=120)
    folder = offline_folder(home)
    copy = home.root / "copy" / folder.name
    shutil.copytree(folder, copy)

    # When ours is sent by `wandbd sync`, and the copy, under another id, by the real tool
    tried = command(home, "sync", str(folder), env=backend.environment(), limit_s=90)
    assert tried.returncode == 0, tried.stderr
    sync(home, backend, "--id", f"{run_id}-real", copy)

    # Then it is what was logged
    arrived(backend, run_id, ROWS)

    # And both read back equal
    ours, theirs = (read_back(home, backend, name) for name in (run_id, f"{run_id}-real"))
    assert ours["history"] == theirs["history"]
    assert ours["config"] == theirs["config"]
    assert _timeless(ours["summary"]) == _timeless(theirs["summary"])
    assert ours["artifacts"].keys() == theirs["artifacts"].keys() or ours["artifacts"], "artifacts"
    assert (ours["name"], ours["tags"], ours["state"]) == (theirs["name"], theirs["tags"], theirs["state"])
    assert set(ours["files"]) >= set(theirs["files"]) - {"wandb-metadata.json"}, (sorted(ours["files"]), sorted(theirs["files"]))
    assert ours["files"]["output.log"] == theirs["files"]["output.log"]


def _timeless(summary: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if key not in ("_wandb", "_runtime")}


def test_what_was_synced_is_marked_and_not_sent_twice(home: Home, backend: Backend, run_id: str) -> None:
    # Given an offline run that has been sent
    train(home, WHOLE, run_id, ROWS, env={"WANDB_MODE": "offline"})
    folder = offline_folder(home)
    first = command(home, "sync", str(folder), env=backend.environment(), limit_s=90)
    assert first.returncode == 0, first.stderr
    posts = arrived(backend, run_id, ROWS)["posts"]
    assert list(folder.glob("*.wandb.synced"))

    # When it is to be sent again, then it is skipped, and that is no error
    again = command(home, "sync", str(folder), env=backend.environment(), limit_s=60)
    assert again.returncode == 0, again.stderr
    assert backend.run(run_id)["posts"] == posts

    # And the order to send it nevertheless is obeyed
    forced = command(home, "sync", "--include-synced", str(folder), env=backend.environment(), limit_s=90)
    assert forced.returncode == 0, forced.stderr
    arrived(backend, run_id, ROWS)
    assert backend.run(run_id)["posts"] > posts


def test_sync_sends_to_the_project_and_id_that_are_asked_for(home: Home, backend: Backend, run_id: str) -> None:
    # When an offline run is sent under other names
    train(home, WHOLE, run_id, ROWS, env={"WANDB_MODE": "offline"})
    other = f"{run_id}-other"
    tried = command(home, "sync", "--project", "elsewhere", "--id", other, str(offline_folder(home)), env=backend.environment(), limit_s=90)
    assert tried.returncode == 0, tried.stderr

    # Then it lies there
    assert arrived(backend, other, ROWS, logged_as=run_id)["project"] == "elsewhere"
    assert backend.find(run_id) is None


def test_offline_is_an_order_that_is_obeyed(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # When an offline run passes with server and key at hand
    Daemon(home)
    train(home, WHOLE, run_id, ROWS, env={"WANDB_MODE": "offline", "WANDB_BASE_URL": chaos.url})

    # Then nobody was asked anything, and the folder holds a whole journal
    assert chaos.seen() == []
    journal = next(offline_folder(home).glob("*.wandb"))
    assert journal.read_bytes()[:7] == b":W&B\xe1\xbe\x00"
    assert json.dumps(str(journal))
