"""Which server and which key a run gets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors
from wandbd._credentials import server
from wandbd._settings import resolve

KEY = "k" * 40
OTHER = "o" * 40


def found(said: Any = None, **environ: str) -> dict[str, Any]:
    return server(resolve({}, said, environ, os.getcwd()), environ)


def netrc(tmp_path: Path, *machines: str) -> str:
    path = tmp_path / "netrc"
    path.write_text("".join(f"machine {name}\n  login user\n  password {name[0] * 40}\n" for name in machines))
    path.chmod(0o600)
    return str(path)


def test_nothing_known_leaves_the_destination_to_the_daemon() -> None:
    assert (found()["base_url"], found()["api_key"]) == ("", "")


def test_a_key_without_an_address_means_the_hosted_service() -> None:
    assert found(WANDB_API_KEY=KEY)["base_url"] == "https://api.wandb.ai"


def test_an_address_without_a_key_is_kept() -> None:
    where = found(WANDB_BASE_URL="http://127.0.0.1:8080/prefix/")
    assert (where["base_url"], where["api_key"]) == ("http://127.0.0.1:8080/prefix", "")


def test_the_netrc_entry_of_the_servers_host_and_port_is_used(tmp_path: Path) -> None:
    path = netrc(tmp_path, "a.example:8080", "b.example")
    where = found(NETRC=path, WANDB_BASE_URL="http://a.example:8080")
    # The key stays in its file, which the daemon reads itself.
    assert (where["base_url"], where["api_key"], where["netrc"]) == ("http://a.example:8080", "", path)


def test_both_names_of_the_hosted_service_share_their_key(tmp_path: Path) -> None:
    path = netrc(tmp_path, "api.forge.coreweave.com")
    assert found(NETRC=path)["api_key"] == ""
    assert found(NETRC=path)["base_url"] == "https://api.wandb.ai"
    forge = found(NETRC=path, WANDB_BASE_URL="https://api.forge.coreweave.com")
    assert (forge["api_key"], forge["base_url"]) == ("", "https://api.wandb.ai")


def test_settings_beat_login_beats_environment_beats_netrc_beats_the_settings_file(core: Any, tmp_path: Path) -> None:
    path = netrc(tmp_path, "api.wandb.ai")
    folder = Path(os.getcwd()) / "wandb"
    folder.mkdir()
    (folder / "settings").write_text(f"[default]\napi_key = {'f' * 40}\n")
    assert found()["api_key"] == "f" * 40
    assert found(NETRC=path)["api_key"] == "", "the daemon finds it in netrc"
    assert found(NETRC=path, WANDB_API_KEY=KEY)["api_key"] == KEY
    assert found(wandb.Settings(api_key=OTHER), WANDB_API_KEY=KEY)["api_key"] == OTHER
    assert wandb.login(key="l" * 40)
    assert found(WANDB_API_KEY=KEY)["api_key"] == "l" * 40
    assert found(wandb.Settings(api_key=OTHER))["api_key"] == OTHER


def test_the_key_of_a_settings_file_is_not_sent_to_another_server() -> None:
    folder = Path(os.getcwd()) / "wandb"
    folder.mkdir()
    (folder / "settings").write_text(f"[default]\napi_key = {KEY}\nbase_url = https://mine.example\n")
    assert found()["api_key"] == KEY
    assert found(WANDB_BASE_URL="https://other.example")["api_key"] == ""


@pytest.mark.parametrize(
    "url", ["http://api.wandb.ai", "https://wandb.ai", "https://app.wandb.ai", "ftp://x", "nonsense", "https://"]
)
def test_an_address_that_cannot_take_uploads_is_refused(url: str) -> None:
    with pytest.raises(wandb.UsageError, match="WANDB_BASE_URL.*base_url"):
        found(WANDB_BASE_URL=url)


@pytest.mark.parametrize("key", ["short", "a b" * 20, "", "local-" + "x" * 39])
def test_login_refuses_a_key_of_the_wrong_shape_without_showing_it(key: str) -> None:
    with pytest.raises(errors.AuthenticationError) as error:
        wandb.login(key=key)
    assert not key or key not in str(error.value)


@pytest.mark.parametrize("key", [KEY, "local-" + KEY, "wandb_v1_" + "a" * 77, "aaa.bbb.ccc"])
def test_login_takes_every_kind_of_key(core: Any, key: str) -> None:
    assert wandb.login(key=key, host="https://mine.example")
    assert found()["api_key"] == key
    assert found()["base_url"] == "https://mine.example"


def test_login_without_a_key_says_whether_there_is_one(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wandb.login(prompt=False) is False
    with pytest.raises(wandb.UsageError, match="No API key configured"):
        wandb.login()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wandb.login() is True


def test_proxies_certificates_and_headers_of_the_environment_go_with_the_run(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_text("")
    where = found(
        HTTPS_PROXY="http://p:1",
        WANDB_HTTP_PROXY="http://q:1",
        NO_PROXY="x",
        SSL_CERT_FILE=str(pem),
        WANDB__EXTRA_HTTP_HEADERS='{"X-A": "1"}',
        WANDB_INSECURE_DISABLE_SSL="true",
        WANDB_USERNAME="me",
    )
    assert where["https_proxy"] == "http://p:1"
    assert where["http_proxy"] == "http://q:1"
    assert where["no_proxy"] == "x"
    assert where["ca_bundle"] == str(pem)
    assert where["header"] == {"X-A": "1"}
    assert where["insecure"] is True
    assert where["username"] == "me"
