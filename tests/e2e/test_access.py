"""How a server is reached in places with rules of their own: identity tokens instead of keys, and proxies that ask for a password."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from harness import Backend, Chaos, Daemon, Fault, Home, eventually
from harness.daemon import run_status
from harness.gate import Gate
from harness.places import SCRIPTS
from harness.trainer import Trainer
from harness.trainer import run as train
from harness.whole import arrived

WHOLE = SCRIPTS / "whole.py"
ROWS = 20
IDENTITY = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2ItMSJ9.c2lnbmF0dXJl"
USED_FOR_S = 1
RESERVE_S = 300  # A token with less to live is not used any more.

GATED = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    run.log({"i": 0})
    print("logged", flush=True)
    sys.stdin.readline()
    run.log({"i": 1})
    run.finish()
"""


@pytest.fixture
def oidc(make_home: Callable[..., Home]) -> Iterator[tuple[Backend, Chaos]]:
    """A server that takes one identity token and gives access tokens that are used for a second, behind a proxy that looks."""
    home = make_home()
    data = home.root / "backend"
    data.mkdir()
    (data / "rules.json").write_text(json.dumps({"identity_tokens": [IDENTITY], "access_token_s": RESERVE_S + USED_FOR_S}))
    backend = Backend(home, data)
    proxy = Chaos(backend.url)
    yield backend, proxy
    proxy.close()
    backend.stop()


def job(make_home: Callable[..., Home], url: str) -> Home:
    """A home whose trainers have an identity token in a file, and no key."""
    home = make_home({"WANDBD_AUTOSTART": "0", "WANDB_BASE_URL": url})
    token = home.home / "identity.jwt"
    token.write_text(IDENTITY + "\n")
    home.extra |= {"WANDB_IDENTITY_TOKEN_FILE": str(token), "WANDB_CREDENTIALS_FILE": str(home.home / "credentials.json")}
    return home


def left_s(cache: Path, url: str) -> float:
    """How long the access token in a cache file is good for, less up to a second: the file knows whole ones."""
    expires = json.loads(cache.read_text())["credentials"][url]["expires_at"]
    return (datetime.fromisoformat(expires).replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)).total_seconds()


def exchanges(proxy: Chaos) -> int:
    """How often an identity token was exchanged."""
    return sum(seen.target == "/oidc/token" for seen in proxy.seen())


def test_a_job_with_an_identity_token_needs_no_key_and_its_tokens_are_in_no_journal(
    make_home: Callable[..., Home], oidc: tuple[Backend, Chaos], run_id: str
) -> None:
    backend, proxy = oidc
    home = job(make_home, proxy.url)
    Daemon(home)

    train(home, WHOLE, run_id, ROWS)

    arrived(backend, run_id, ROWS)
    assert exchanges(proxy) >= 1
    cache = home.home / "credentials.json"
    access = json.loads(cache.read_text())["credentials"][proxy.url]["access_token"]
    for secret in (IDENTITY, access):
        holders = [path for path in home.files() if secret.encode() in path.read_bytes()]
        assert {path.name for path in holders} <= {"identity.jwt", "credentials.json"}, holders
    assert cache.stat().st_mode & 0o777 == 0o600


def test_an_access_token_is_exchanged_again_before_it_ends(
    make_home: Callable[..., Home], oidc: tuple[Backend, Chaos], run_id: str
) -> None:
    # Given a run that goes on for longer than an access token
    backend, proxy = oidc
    home = job(make_home, proxy.url)
    Daemon(home)
    trainer = Trainer(home, GATED, run_id)
    trainer.said("logged")
    backend.known(run_id)
    first = exchanges(proxy)
    cache = home.home / "credentials.json"
    before = cache.read_text()

    # When the token has come to its last five minutes, then the next request carries another one
    eventually(lambda: left_s(cache, proxy.url) < RESERVE_S - 1, 60, "the token's last five minutes begin")
    trainer.say()
    trainer.succeeds()
    backend.finished(run_id)
    assert exchanges(proxy) > first
    assert cache.read_text() != before
    assert [row["i"] for row in backend.history(run_id)] == [0, 1]
    assert not [seen for seen in proxy.seen() if seen.status == 401]


def test_an_access_token_that_the_server_refuses_is_exchanged_again(
    make_home: Callable[..., Home], oidc: tuple[Backend, Chaos], run_id: str
) -> None:
    # Given a token that is revoked long before its end
    backend, proxy = oidc
    home = job(make_home, proxy.url)
    Daemon(home)
    proxy.inject(Fault("answer", ("file_stream",), status=401, times=2))

    train(home, WHOLE, run_id, ROWS)

    arrived(backend, run_id, ROWS, 90)
    assert proxy.pending() == 0
    assert exchanges(proxy) >= 2


@pytest.fixture
def gate(backend: Backend) -> Iterator[Gate]:
    """A proxy with a password before the shared backend."""
    gate = Gate(backend.url, "me", "open:sesame")
    yield gate
    gate.close()


def test_a_proxy_with_a_password_is_passed_and_the_password_is_in_one_private_file_only(
    make_home: Callable[..., Home], backend: Backend, gate: Gate, run_id: str
) -> None:
    home = make_home(backend.environment(gate.url) | {"WANDBD_AUTOSTART": "0", "HTTP_PROXY": f"http://me:open%3Asesame@{gate.address}"})
    Daemon(home)

    train(home, WHOLE, run_id, ROWS)

    arrived(backend, run_id, ROWS)
    assert any(request == "POST /graphql" for request in gate.passed)
    assert any(request.endswith("/file_stream") for request in gate.passed)
    holders = [path for path in home.files() if b"sesame" in path.read_bytes()]
    assert {path.name for path in holders} <= {"credentials"}, holders


def test_a_wrong_password_for_the_proxy_is_named_and_not_shown(
    make_home: Callable[..., Home], backend: Backend, gate: Gate, run_id: str
) -> None:
    home = make_home(backend.environment(gate.url) | {"WANDBD_AUTOSTART": "0", "HTTP_PROXY": f"http://me:wrong-word@{gate.address}"})
    daemon = Daemon(home)

    train(home, WHOLE, run_id, ROWS)

    cause = eventually(lambda: run_status(home, run_id)["cause"], 30, "status says why the run waits")
    assert "proxy" in cause.lower(), cause
    assert "wrong-word" not in cause + daemon.text()
    assert backend.find(run_id) is None
    assert gate.refused >= 1
    assert not gate.passed
