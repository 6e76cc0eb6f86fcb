"""Runs that go on where another part ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb

KEY = "k" * 40


@pytest.fixture(autouse=True)
def _core(core: Any) -> Any:
    core.answer = {"opened": True}
    return core


def opened(core: Any) -> dict[str, Any]:
    fields: dict[str, Any] = core.opened[-1].fields
    return fields


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ({"resume": "must", "id": "a"}, 7.0), ({"resume": "never", "id": "a"}, 7.0),
        ({"resume": "allow", "id": "a"}, 5.0), ({"resume": "auto"}, 5.0), ({"resume": True}, 5.0),
        ({"resume_from": "a?_step=3"}, 7.0), ({"fork_from": "a?_step=3"}, 7.0),
    ],
)  # fmt: skip
def test_what_only_the_server_knows_is_waited_for(core: Any, said: dict[str, Any], wait: float) -> None:
    wandb.init(settings={"init_timeout": 7}, **said)
    assert core.named("opened") == [(wait,)]


def test_a_new_run_and_an_offline_one_wait_for_nothing(core: Any) -> None:
    wandb.init().finish()
    wandb.init(resume=False).finish()
    wandb.init(mode="offline", resume="must", id="a")
    assert core.named("opened") == []
    assert opened(core)["resume"] == "must"


def test_what_the_server_has_of_the_run_is_taken_over(core: Any) -> None:
    answer = {
        "opened": True, "resumed": True, "starting_step": 8, "display_name": "sun", "tag": ["t"], "notes": "n",
        "group": "g", "job_type": "j",
    }  # fmt: skip
    core.answer = answer
    core.info.update(answer)
    core.fetched = {"config_json": '{"old": 1, "lr": 5, "_wandb": {"x": 1}}'}
    run = wandb.init(id="a", resume="must", config={"lr": 2})
    assert (run.resumed, run.starting_step, run.name, run.tags, run.notes) == (True, 8, "sun", ("t",), "n")
    assert (run.group, run.job_type) == ("g", "j")
    assert run.config.as_dict() == {"lr": 2, "old": 1}
    assert core.named("config") == [], "it is the server's already"


def test_a_run_in_the_wrong_state_is_a_usage_error_and_no_run(core: Any) -> None:
    core.answer = {"error": "there is no run a to resume"}
    with pytest.raises(wandb.UsageError, match="there is no run a to resume"):
        wandb.init(id="a", resume="must")
    assert wandb.run is None
    assert core.named("finish") == [("a", 1, "ack", 5.0)]


def test_a_server_that_does_not_answer_is_named(core: Any) -> None:
    core.answer = None
    with pytest.raises(wandb.CommError, match=r"https://api\.wandb\.ai did not answer within 3 s, and resume='must'"):
        wandb.init(id="a", resume="must", settings={"init_timeout": 3, "api_key": KEY})
    assert wandb.run is None


def test_allow_goes_on_without_an_answer(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    core.answer = None
    run = wandb.init(id="a", resume="allow")
    run.log({"x": 1})
    assert "is joined with its earlier part later" in capsys.readouterr().err


def test_branches_are_sent_with_their_step(core: Any) -> None:
    wandb.init(resume_from="abc?_step=12").finish()
    assert (opened(core)["run_id"], opened(core)["resume_from"]) == ("abc", {"run_id": "abc", "step": 12})
    wandb.init(fork_from="abc?_step=12")
    assert opened(core)["run_id"] != "abc"
    assert opened(core)["fork_from"] == {"run_id": "abc", "step": 12}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"resume": "must", "fork_from": "a?_step=1"}, "mutually exclusive"),
        ({"id": "a", "fork_from": "a?_step=1"}, "same as the run to `fork_from`"),
        ({"id": "b", "resume_from": "a?_step=1"}, "different ids"),
        ({"fork_from": "a"}, "ans3bsax"), ({"fork_from": "a?loss=1"}, "ans3bsax"), ({"resume": "maybe"}, "'allow'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wandb.init(**said)


def test_auto_takes_up_the_last_run_here_unless_it_succeeded(core: Any) -> None:
    file = Path("wandb/wandb-resume.json")
    first = wandb.init(resume="auto")
    assert json.loads(file.read_text()) == {"run_id": first.id}
    first.finish(exit_code=1)
    second = wandb.init(resume="auto")
    assert second.id == first.id
    assert opened(core)["resume"] == "allow"
    second.finish()
    assert not file.exists()
    assert wandb.init(resume="auto").id != first.id


def test_a_run_without_resume_forgets_what_auto_has_kept() -> None:
    wandb.init(resume="auto").finish(exit_code=1)
    wandb.init()
    assert not Path("wandb/wandb-resume.json").exists()


def test_must_does_not_return_a_run_that_is_active() -> None:
    wandb.init()
    with pytest.raises(wandb.Error, match="while another run is active"):
        wandb.init(id="a", resume="must")


def test_shared_runs_have_a_label_and_no_steps_of_their_own(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = wandb.init(id="a", mode="shared", settings={"x_primary": False, "host": "node"})
    shared = opened(core)["shared"]
    assert (shared["primary"], shared["finishes"]) == (False, True)
    assert shared["label"].startswith("node-")
    assert opened(core)["stats"]["label"] == shared["label"]
    with pytest.raises(wandb.UsageError, match="shared"):
        _ = run.step
    run.log({"x": 1}, step=5)
    assert core.opened[0].rows == [{"x": 1}]
    assert "will be ignored" in capsys.readouterr().err
