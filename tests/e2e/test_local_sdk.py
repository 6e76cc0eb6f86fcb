"""The embedded backend is kept honest by the real SDK: what `wandb` and `wandbd` log to it, `wandb.Api()` reads back."""

import hashlib

import pytest

from harness import Backend, Home
from harness.places import SCRIPTS
from harness.sdk import read_back
from harness.trainer import run as train
from harness.whole import arrived, rows_of, users_part

ROWS = 50


@pytest.mark.parametrize("module", ["wandb", "wandbd"])
def test_the_public_api_reads_back_all_that_was_logged_through(module: str, home: Home, backend: Backend, run_id: str) -> None:
    # When the same script logs through one of the two
    name = f"{run_id}-{module}"
    train(home, SCRIPTS / "whole.py", name, ROWS, module, limit_s=120)
    run = arrived(backend, name, ROWS)

    # Then the real API reads history, config, summary, files and artifacts
    read = read_back(home, backend, name)
    rows = [{key: value for key, value in row.items() if value is not None} for row in read["history"]]
    assert [users_part(row) for row in rows] == rows_of(ROWS)
    assert read["lastHistoryStep"] == len(rows) - 1
    assert len(read["sampled"]) == len(rows)
    assert read["state"] == "finished"
    assert read["name"] == f"name of {name}"
    assert read["tags"] == ["one", "two"]
    assert (read["config"]["lr"], read["config"]["deep"], read["config"]["late"]) == (0.1, {"a": [1, 2]}, True)
    assert read["summary"]["verdict"] == "good"
    assert {file["name"] for file in run["files"]} == set(read["files"])
    (artifact,) = [found for found in read["artifacts"].items() if found[1]["type"] == "model"]
    assert artifact[0] == f"model-{name}:v0"
    content = b"weights of " + name.encode() + b"\0" * 1000
    assert artifact[1]["files"] == {f"model-{name}.bin": hashlib.sha256(content).hexdigest()}
    assert artifact[1]["metadata"] == {"rows": ROWS}


def test_both_sdks_leave_the_same_run(home: Home, backend: Backend, run_id: str) -> None:
    # When the same script logs through both
    names = [f"{run_id}-{module}" for module in ("wandb", "wandbd")]
    for module, name in zip(("wandb", "wandbd"), names, strict=True):
        train(home, SCRIPTS / "whole.py", name, ROWS, module, limit_s=120)
        arrived(backend, name, ROWS)

    # Then what users see is the same
    theirs, ours = (read_back(home, backend, name) for name in names)
    volatile = ("_timestamp", "_runtime")
    strip = [[{k: v for k, v in row.items() if k not in volatile} for row in read["history"]] for read in (theirs, ours)]
    assert strip[0] == strip[1]
    assert {k: v for k, v in theirs["config"].items() if k != "_wandb"} == {k: v for k, v in ours["config"].items() if k != "_wandb"}
    kept = [{k: v for k, v in read["summary"].items() if k not in (*volatile, "_wandb")} for read in (theirs, ours)]
    assert kept[0] == kept[1]
    assert set(theirs["files"]) <= set(ours["files"]), (sorted(theirs["files"]), sorted(ours["files"]))
    # `define_metric` means the same chart axis.
    axes = [sorted(_axes(backend.run(name)["config"])) for name in names]
    assert axes[0] == axes[1]


def _axes(config: dict[str, object]) -> list[str]:
    about = config.get("_wandb")
    assert isinstance(about, dict), config
    metrics = about.get("value", about).get("m", [])
    named = []
    for metric in metrics:
        step = metric.get("5")
        axis = metrics[step - 1].get("1") if step else None
        named.append(f"{metric.get('1') or metric.get('2')} over {axis}")
    return named
