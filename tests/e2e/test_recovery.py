"""No answer of a server is the end of a run: the status names the cause, and the run arrives when the fault is gone."""

import json
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Backend, Chaos, Daemon, Fault, Home, Trainer, eventually
from harness.daemon import command
from harness.places import SCRIPTS
from harness.tls import authority

ROWS = 20
FOR_EVER = 1_000_000
STATUSES = (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 501, 503)
NAMES = {401: "credentials", 403: "not allowed", 409: "conflict", 429: "busy"}
"""What the status says instead of the number."""
TWO_PARTS = SCRIPTS / "two_parts.py"


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend, chaos: Chaos) -> Home:
    """A home whose trainers reach the backend through the proxy."""
    return make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})


def cause(home: Home, run_id: str) -> str:
    """Return why a run waits, as `wandbd status RUN --json` says it."""
    done = command(home, "status", run_id, "--json")
    assert done.returncode == 0, done.stderr
    said: Any = json.loads(done.stdout)
    (run,) = [run for run in said["runs"] if run["run_id"] == run_id]
    return str(run["cause"] or "")


def retried(home: Home, run_id: str) -> None:
    """Run `wandbd retry RUN`."""
    done = command(home, "retry", run_id)
    assert done.returncode == 0, done.stdout + done.stderr


def whole(backend: Backend, run_id: str, limit_s: float = 60) -> dict[str, Any]:
    """Wait for the end of the run; every row is there, once and in order."""
    run = backend.finished(run_id, limit_s)
    rows = [(row["_step"], row["i"], row["text"]) for row in backend.history(run_id)]
    assert rows == [(i, i, f"row {i}") for i in range(ROWS)]
    assert run["exitcode"] == 0
    assert run["summary"]["verdict"] == "good"
    assert run["config"]["rows"] == ROWS
    assert "the last line" in backend.console(run_id)
    assert not run["violations"], run["violations"]
    return run


@pytest.mark.parametrize("status", STATUSES)
def test_a_server_that_refuses_from_the_start_is_named_and_gets_everything_later(
    status: int, home: Home, backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a server that answers everything with one status
    chaos.inject(Fault("answer", routes=("graphql", "file_stream", "upload"), times=FOR_EVER, status=status))
    Daemon(home)

    # When a run passes, then the trainer does not notice, and the status names what the server says
    trainer = Trainer(home, TWO_PARTS, run_id, ROWS)
    trainer.said("first", 60)
    trainer.say()
    trainer.succeeds()
    eventually(lambda: NAMES.get(status, str(status)) in cause(home, run_id), 30, f"the status names {status}")
    assert backend.find(run_id) is None

    # And when the fault is gone and a person says so, everything arrives
    chaos.heal()
    retried(home, run_id)
    whole(backend, run_id)


@pytest.mark.parametrize("status", STATUSES)
def test_a_server_that_refuses_posts_in_the_middle_of_a_run_is_named_and_gets_the_rest(
    status: int, home: Home, backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a run whose first half has arrived
    Daemon(home)
    trainer = Trainer(home, TWO_PARTS, run_id, ROWS)
    trainer.said("first")
    eventually(lambda: (run := backend.find(run_id)) and run["historyLineCount"] == ROWS // 2, 30, "the first half has arrived")

    # When the server refuses every post from now on
    chaos.inject(Fault("answer", routes=("file_stream",), times=FOR_EVER, status=status))
    trainer.say()
    trainer.succeeds()

    # Then the status names what it says, and afterwards the rest arrives
    eventually(lambda: NAMES.get(status, str(status)) in cause(home, run_id), 30, f"the status names {status}")
    chaos.heal()
    retried(home, run_id)
    whole(backend, run_id)


@pytest.mark.parametrize("status", (401, 429, 500, 503))
def test_what_passes_by_itself_needs_nobody(status: int, home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given a fault that lasts for a few requests of each kind
    chaos.inject(Fault("answer", routes=("graphql",), times=3, status=status))
    chaos.inject(Fault("answer", routes=("file_stream",), times=2, status=status, headers={"Retry-After": "0.5"}))
    Daemon(home)

    # When a run passes, then it arrives without a word of anybody
    trainer = Trainer(home, TWO_PARTS, run_id, ROWS)
    trainer.said("first", 60)
    trainer.say()
    trainer.succeeds()
    whole(backend, run_id, 90)
    assert chaos.pending() == 0


def test_retry_says_so_when_there_is_no_such_run(home: Home) -> None:
    Daemon(home)
    done = command(home, "retry", "nobody")
    assert done.returncode != 0
    assert "nobody" in done.stdout + done.stderr


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[Path, ssl.SSLContext, ssl.SSLContext]:
    """Return the file of an authority that is trusted, a certificate of it, and one of an authority that nobody knows."""
    trusted, good = authority(tmp_path, "good")
    _, bad = authority(tmp_path, "bad")
    return trusted, good, bad


@pytest.fixture
def secure(backend: Backend, authorities: tuple[Path, ssl.SSLContext, ssl.SSLContext]) -> Iterator[Chaos]:
    """A proxy that speaks TLS with a certificate that nobody trusts."""
    proxy = Chaos(backend.url, tls=authorities[2])
    yield proxy
    proxy.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by openssl")
def test_a_certificate_that_is_not_trusted_is_named_and_with_a_good_one_everything_arrives(
    make_home: Callable[..., Home],
    backend: Backend,
    secure: Chaos,
    authorities: tuple[Path, ssl.SSLContext, ssl.SSLContext],
    run_id: str,
) -> None:
    # Given a server whose certificate is of another authority than the one that is trusted here
    trusted, good, _ = authorities
    home = make_home(backend.environment(secure.url) | {"WANDBD_AUTOSTART": "0", "SSL_CERT_FILE": str(trusted)})
    Daemon(home)
    trainer = Trainer(home, TWO_PARTS, run_id, ROWS)
    trainer.said("first", 60)
    trainer.say()
    trainer.succeeds()
    eventually(lambda: "certificate" in cause(home, run_id).lower(), 30, "the status names the certificate")
    assert backend.find(run_id) is None

    # When it gets one that is, then everything arrives
    secure.present(good)
    retried(home, run_id)
    whole(backend, run_id)


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="only root can have names of its own in a namespace")
def test_a_name_that_is_not_known_is_named_and_when_it_is_everything_arrives(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, tmp_path: Path, run_id: str
) -> None:
    # Given a server whose name nobody knows: the daemon has tables of names of its own
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    home = make_home(backend.environment(f"http://wandb.example.test:{chaos.port}") | {"WANDBD_AUTOSTART": "0"})
    mount = f'mount --bind {hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf && exec "$@"'
    Daemon(home, wrapper=("unshare", "-m", "sh", "-c", mount, "sh"))
    trainer = Trainer(home, TWO_PARTS, run_id, ROWS)
    trainer.said("first", 60)
    trainer.say()
    trainer.succeeds()

    def named() -> bool:
        said = cause(home, run_id).lower()
        return any(word in said for word in ("dns", "resolve", "lookup", "name or service"))

    eventually(named, 30, "the status names the lookup")
    assert backend.find(run_id) is None

    # When the name is known, then everything arrives
    hosts.write_text("127.0.0.1 localhost wandb.example.test\n")
    retried(home, run_id)
    whole(backend, run_id)
