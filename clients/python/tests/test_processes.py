"""Other processes of a run: forked and spawned workers, subprocesses, and the ways a script can end."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import children
import wandbd as wandb

SCRIPT = str(Path(children.__file__))
LIMIT_S = 60


def script(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], check=check, capture_output=True, text=True, timeout=LIMIT_S
    )


def run_worker(method: str, target: Any, *arguments: Any) -> None:
    process = multiprocessing.get_context(method).Process(target=target, args=arguments)
    process.start()
    process.join(LIMIT_S)
    assert process.exitcode == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_takes_part_in_its_parents_run_and_leaves_it_at_its_end(
    core: Any, method: str, tmp_path: Path
) -> None:
    core.fetched = {"config_json": '{"batch_size": 32}', "summary_json": "{}"}
    run = wandb.init(id="parent", project="p", config={"batch_size": 32})
    calls, out = tmp_path / "calls", tmp_path / "out"

    run_worker(method, children.worker, str(calls), str(out))

    seen = json.loads(out.read_text())
    assert (seen["batch_size"], seen["run"], seen["owner"], seen["init"]) == (32, "parent", False, "parent")
    assert seen["own"] == (1 if method == "fork" else 0)
    assert seen["other"] == "other"
    ends = [json.loads(line) for line in calls.read_text().splitlines()]
    assert ends == [{"finish": "parent", "rows": [{"worker": 1}], "owner": False}]
    assert wandb.run is run


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_run_and_its_config_can_be_handed_to_a_worker(core: Any, method: str, tmp_path: Path) -> None:
    core.fetched = {"config_json": '{"batch_size": 32}', "summary_json": "{}"}
    run = wandb.init(id="parent", config={"batch_size": 32})
    run_worker(method, children.pickled, run, run.config, str(tmp_path / "out"))
    assert json.loads((tmp_path / "out").read_text()) == {"run": "parent", "batch_size": 32, "same": True}


def test_a_worker_of_a_disabled_run_reads_its_config(core: Any, tmp_path: Path) -> None:
    run = wandb.init(id="parent", mode="disabled", config={"batch_size": 8})
    run_worker("spawn", children.pickled, run, run.config, str(tmp_path / "out"))
    assert json.loads((tmp_path / "out").read_text())["batch_size"] == 8


def test_a_subprocess_that_asks_for_a_run_before_init_gets_its_own(core: Any) -> None:
    wandb.init(id="parent", project="p")
    run_id, opened, attached = script("ask_before_init").stdout.split()
    assert (run_id != "parent", opened, attached) == (True, "1", "0")


def test_a_subprocess_that_logs_without_init_takes_part(core: Any) -> None:
    run = wandb.init(id="parent")
    assert script("touch_without_init").stdout.split() == [run.session, "0", "32"]


def test_taking_part_can_be_switched_off(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb.init(id="parent")
    monkeypatch.setenv("WANDBD_ATTACH", "0")
    assert "You must call wandb.init() before wandb.log()" in script("touch_without_init", check=False).stderr


def test_without_a_parents_run_a_touch_is_an_error() -> None:
    assert "You must call wandb.init() before wandb.log()" in script("touch_without_init", check=False).stderr


@pytest.mark.parametrize(
    ("how", "code", "status"),
    [("well", 0, 0), ("error", 1, 1), ("ctrl-c", 255, -2), ("exit3", 3, 3), ("exit0", 0, 0)],
)
def test_a_run_that_nobody_finished_ends_with_the_scripts_code(how: str, code: int, status: int) -> None:
    done = script("end", how, check=False)
    assert done.stdout == f"code={code}"
    assert done.returncode == status
    assert ("Traceback" in done.stderr) == (how in ("error", "ctrl-c"))
    assert done.stderr.count("ValueError: x") == (1 if how == "error" else 0)


def test_a_forked_child_that_exits_only_leaves_and_the_parents_code_stays_its_own() -> None:
    done = script("end", "fork", check=False)
    assert sorted(done.stdout.replace("code=", " ").split()) == ["0", "0"]


def test_a_daemon_that_does_not_answer_leaves_workers_the_config_of_the_start(
    core: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wandbd import _attach

    run = wandb.init(id="parent", config={"batch_size": 32})
    reference = _attach.reference(run)
    run.finish()
    worker = _attach.take_part(reference)
    assert worker.config.batch_size == 32
    assert "the config is that of the run's start" in capsys.readouterr().err


def test_a_worker_without_any_answer_says_what_is_missing(core: Any) -> None:
    from wandbd import _attach

    run = wandb.init(id="parent", config={"big": "x" * 20000})
    reference = _attach.reference(run)
    assert "config" not in reference
    run.finish()
    with pytest.raises(wandb.CommError, match="the config of run parent is not known here"):
        _ = _attach.take_part(reference).config.big


def test_workers_do_not_speak_for_the_run(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from wandbd import _attach

    run = wandb.init(id="parent")
    reference = _attach.reference(run)
    run.finish()
    capsys.readouterr()
    core.info.update(url="http://x/r")
    worker = _attach.take_part(reference)
    worker.define_metric("a")
    worker.finish()
    assert capsys.readouterr().err == ""
    assert os.environ.get("WANDBD_RUN") is None
