"""Where a run goes: the server and key of its own trainer, the embedded backend, or nowhere yet."""

import json
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness import Backend, Daemon, Home, eventually
from harness.daemon import command, run_status, status
from harness.places import SCRIPTS
from harness.trainer import run as train
from harness.whole import arrived

WHOLE = SCRIPTS / "whole.py"
ROWS = 20


def hosted(home: Home) -> Callable[[str], Any]:
    """Return a way to ask the backend that a daemon hosts."""
    local = status(home)["local"]
    token = b64encode(b"api:" + (Path(local["data"]) / "api-key").read_bytes().strip()).decode()

    def ask(path: str) -> Any:
        request = urllib.request.Request(local["url"] + path, headers={"Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    return ask


def test_without_credentials_a_run_goes_to_the_embedded_backend_of_the_daemon(make_home: Callable[..., Home], run_id: str) -> None:
    # Given a daemon that hosts a backend, and a trainer that names no server and has no key
    home = make_home({"WANDBD_AUTOSTART": "0"})
    Daemon(home, "--local")
    train(home, WHOLE, run_id, ROWS)

    # Then the run is there
    ask = hosted(home)
    (run,) = eventually(lambda: [run for run in ask("/api/runs") if run["state"] == "finished"], 30, "the run is in the embedded backend")
    assert run["name"] == run_id
    assert run["historyLineCount"] == ROWS + ROWS // 10


def test_without_credentials_and_backend_a_run_waits_on_disk_and_one_line_says_how_to_send_it(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given neither server nor key
    home = make_home({"WANDBD_AUTOSTART": "0"})
    Daemon(home)

    # When a run passes
    trainer = train(home, WHOLE, run_id, ROWS)

    # Then the terminal and the status say what a person can do
    assert [line for line in trainer.errors if "wandbd sync" in line or "login" in line or "WANDB_API_KEY" in line], trainer.text()
    waiting = eventually(lambda: (found := run_status(home, run_id)) and found["cause"] and found, 20, "status names a cause")
    assert "key" in waiting["cause"].lower() or "credential" in waiting["cause"].lower() or "login" in waiting["cause"].lower(), waiting

    # And doing it sends the run
    (journal,) = home.journals()
    sent = command(home, "sync", str(journal), env=backend.environment(), limit_s=60)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    arrived(backend, run_id, ROWS)


def test_a_key_in_netrc_is_found_and_read_again_when_the_server_refuses_it(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a netrc with a key that the server does not know
    home = make_home({"WANDBD_AUTOSTART": "0", "WANDB_BASE_URL": backend.url})
    netrc = home.home / ".netrc"
    netrc.write_text(f"machine {urlsplit(backend.url).netloc}\n  login user\n  password {'0' * 40}\n")
    netrc.chmod(0o600)
    Daemon(home)
    train(home, WHOLE, run_id, ROWS)
    eventually(lambda: run_status(home, run_id)["cause"], 30, "status says that the key is refused")
    assert backend.find(run_id) is None

    # When the person writes the right one, then the run goes up by itself
    netrc.write_text(f"machine {urlsplit(backend.url).netloc}\n  login user\n  password {backend.api_key}\n")
    arrived(backend, run_id, ROWS, 90)


def test_headers_that_the_trainer_asks_for_are_on_every_request_and_in_no_journal(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a header that a proxy wants to see
    secret = "token-that-nobody-shall-see"
    home = make_home(backend.environment() | {"WANDB__EXTRA_HTTP_HEADERS": json.dumps({"X-Pass": secret})})
    train(home, WHOLE, run_id, ROWS)
    arrived(backend, run_id, ROWS)

    # Then it lies in the one private file only, if at all
    holders = [path for path in home.files() if secret.encode() in path.read_bytes()]
    assert [path for path in holders if path.name != "credentials"] == []


def test_status_is_text_for_people_and_json_for_programs(home: Home, backend: Backend, run_id: str) -> None:
    # Given a delivered run
    train(home, WHOLE, run_id, ROWS)
    arrived(backend, run_id, ROWS)
    eventually(lambda: run_status(home, run_id)["state"] == "delivered", 20, "status says delivered")

    # Then both forms tell of it, and of nothing secret
    entry = run_status(home, run_id)
    assert (entry["rows"], entry["rows_delivered"], entry["rows_dropped"]) == (ROWS + ROWS // 10, ROWS + ROWS // 10, 0)
    assert entry["exit_code"] == 0
    assert entry["url"].endswith(f"/runs/{run_id}")
    text = command(home, "status")
    assert text.returncode == 0
    assert run_id in text.stdout
    assert backend.api_key not in text.stdout


def test_the_address_of_the_embedded_page_opens_it(make_home: Callable[..., Home]) -> None:
    # When a person starts the daemon with its backend
    home = make_home()
    started = command(home, "start", "--local")
    assert started.returncode == 0, started.stderr

    # Then the printed address opens the page
    (address,) = [word for word in started.stdout.split() if word.startswith("http")]
    done = subprocess.run(["curl", "-sSL", "--cookie-jar", "-", address], capture_output=True, text=True, timeout=30, check=False)
    assert "<!doctype html" in done.stdout.lower(), done.stdout + done.stderr
    assert "HttpOnly" in done.stdout or "#HttpOnly_" in done.stdout, "the token becomes a cookie that scripts cannot read"
