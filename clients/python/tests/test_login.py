"""`login`: where credentials come from, what the server says to them, and what is kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import _prompt, errors
from wandbd._setup import here

KEY = "k" * 40
OTHER = "o" * 40
HOST = "https://mine.example:8080"


@pytest.fixture(autouse=True)
def _core(core: Any) -> Any:
    return core


def netrc() -> Path:
    return Path(os.environ["HOME"]) / ".netrc"


def test_a_given_key_is_verified_kept_in_netrc_and_its_server_remembered(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    netrc().write_text(
        "machine other.example\n  login x\n  password y\nmachine mine.example:8080 login user password old\n"
    )
    netrc().chmod(0o640)
    core.login_answer.update(username="ann", entity="team")

    assert wandb.login(key=KEY, host=HOST) is True

    (asked,) = core.named("login")
    assert (asked[0]["base_url"], asked[0]["api_key"], asked[1:3]) == (HOST, KEY, (True, True))
    assert netrc().read_text() == (
        "machine other.example\n  login x\n  password y\n"
        f"machine mine.example:8080\n  login user\n  password {KEY}\n"
    )  # fmt: skip
    assert stat.S_IMODE(netrc().stat().st_mode) == 0o640
    assert here({}, None).settings.base_url == HOST
    assert f"Currently logged in as: ann (team) to {HOST}." in capsys.readouterr().err


def test_a_new_netrc_is_private() -> None:
    wandb.login(key=KEY)
    assert stat.S_IMODE(netrc().stat().st_mode) == 0o600
    assert "machine api.wandb.ai\n" in netrc().read_text()


def test_a_key_that_the_server_refuses_is_an_error_and_not_kept(core: Any) -> None:
    core.login_answer.update(verdict="REFUSED", message="401")
    with pytest.raises(errors.AuthenticationError, match="401"):
        wandb.login(key=KEY)
    assert not netrc().exists()


def test_a_server_that_cannot_be_reached_is_a_warning_and_the_key_is_taken(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    core.login_answer.update(verdict="UNREACHABLE", message="no route")
    assert wandb.login(key=KEY) is True
    assert "no route" in capsys.readouterr().err


def test_without_verify_the_server_is_not_asked(core: Any) -> None:
    wandb.login(key=KEY, verify=False)
    assert core.named("login")[0][1] is False


def test_runs_that_waited_are_sent_and_older_ones_named(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    core.login_answer.update(sent=[{"run_id": "a"}, {"run_id": "b"}], older=[{"journal": "/x/run-c.wandb"}])
    wandb.login(key=KEY)
    err = capsys.readouterr().err
    assert "Sending 2 runs that waited for credentials" in err
    assert "/x/run-c.wandb" in err


def test_credentials_of_the_usual_places_are_found_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    netrc().write_text(f"machine api.forge.coreweave.com login user password {OTHER}\n")
    assert wandb.login() is True
    assert f"Loaded credentials for https://api.wandb.ai from {netrc()}." in capsys.readouterr().err
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wandb.login() is True
    assert "from WANDB_API_KEY." in capsys.readouterr().err


def test_an_identity_token_file_is_as_good_as_a_key(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token.jwt")
    assert wandb.login() is True
    wandb.init()
    server = core.opened[0].fields["server"]
    assert server["identity_token_file"] == os.path.join(os.getcwd(), "token.jwt")
    assert server["credentials_file"] == os.path.join(os.environ["HOME"], ".config", "wandb", "credentials.json")
    assert server["base_url"] == "https://api.wandb.ai"


def test_a_key_and_an_identity_token_at_once_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token.jwt")
    for call in (wandb.login, wandb.init):
        with pytest.raises(errors.AuthenticationError, match="WANDB_API_KEY and WANDB_IDENTITY_TOKEN_FILE"):
            call()
    assert wandb.init(mode="offline").offline
    with pytest.raises(wandb.UsageError, match="cannot be used together"):
        wandb.setup(wandb.Settings(api_key=KEY, identity_token_file="x"))


def test_a_key_of_the_wrong_shape_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(errors.AuthenticationError, match=r"WANDB_API_KEY invalid: .* has 5"):
        wandb.init()
    assert wandb.run is None


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_modes_without_a_server_log_in_nowhere(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    assert wandb.login(key=KEY) is False


def test_after_init_a_login_has_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    wandb.init()
    assert wandb.login(key=KEY) is False
    assert "has no effect" in capsys.readouterr().err


def answers(monkeypatch: pytest.MonkeyPatch, choice: str, *keys: str) -> None:
    """A person at a terminal who makes this choice and types these keys."""
    typed = list(keys)
    monkeypatch.setattr(_prompt, "possible", lambda notebook: True)
    monkeypatch.setattr(_prompt, "_line", lambda question, limit: choice)
    monkeypatch.setattr("getpass.getpass", lambda question: typed.pop(0))


def test_a_person_is_asked_again_until_the_key_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, "2", "nonsense", KEY)
    assert wandb.login() is True
    err = capsys.readouterr().err
    assert "https://forge.coreweave.com/wandb/authorize?ref=models" in err
    assert "Invalid API key: API key must have 40+ characters, has 8." in err
    assert KEY in netrc().read_text()


def test_a_person_can_choose_to_stay_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "3")
    assert wandb.login() is False
    assert wandb.init().offline


def test_nobody_answering_in_time_disables_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "3")

    def nobody(question: str, limit: float | None) -> str:
        assert limit == 5.0
        raise TimeoutError

    monkeypatch.setattr(_prompt, "_line", nobody)
    assert wandb.login(timeout=5) is False
    assert wandb.init().disabled


def test_an_embedded_server_needs_no_key(core: Any) -> None:
    core.login_answer.update(verdict="VALID")
    assert wandb.login() is True


def test_setup_says_settings_for_all_runs_until_teardown(core: Any) -> None:
    prepared = wandb.setup({"project": "p", "api_key": KEY})
    assert prepared.settings.project == "p"
    run = wandb.init(group="g")
    assert (run.project, core.opened[0].fields["server"]["api_key"]) == ("p", KEY)
    wandb.teardown(exit_code=3)
    assert core.named("finish")[0][1] == 3
    assert wandb.init().project != "p"
    assert core.opened[1].fields["server"]["api_key"] == ""
