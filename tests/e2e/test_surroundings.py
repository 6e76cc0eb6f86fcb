"""What a run's page says about its surroundings: the machine, the repository, the script. None of it holds up a run."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import Backend, Daemon, Home
from harness.places import SCRIPTS
from harness.tls import authority
from harness.trainer import Trainer
from harness.trainer import run as train

PART = SCRIPTS / "part.py"


@pytest.fixture
def home(make_home: Callable[..., Home], backend: Backend) -> Home:
    """A home whose working directory is a repository with a change that is in no commit."""
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    Daemon(home)
    script = home.work / "sub" / "train.py"
    script.parent.mkdir()
    script.write_text(PART.read_text())
    git(home.work, "init", "-q", "-b", "main")
    git(home.work, "remote", "add", "origin", "https://me:secret@example.com/a/b.git")
    git(home.work, "add", ".")
    git(home.work, "commit", "-qm", "one")
    script.write_text(PART.read_text() + "# changed\n")
    return home


def git(folder: Path, *words: str) -> str:
    """Run git as nobody in particular."""
    who = ["-c", "user.name=n", "-c", "user.email=e"]
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def passed(home: Home, backend: Backend, run_id: str, **env: str) -> None:
    """Run the script to its delivered end."""
    train(home, home.work / "sub" / "train.py", run_id, 2, env=env)
    backend.finished(run_id)


def files(backend: Backend, run_id: str) -> set[str]:
    """Names of the run's files on the server."""
    return {file["name"] for file in backend.run(run_id)["files"]}


def test_with_code_saving_the_script_and_what_is_not_committed_are_among_the_files(home: Home, backend: Backend, run_id: str) -> None:
    passed(home, backend, run_id, WANDB_SAVE_CODE="true")

    run = backend.run(run_id)
    assert {"code/sub/train.py", "diff.patch"} <= files(backend, run_id)
    assert run["config"]["_wandb"]["code_path"] == "code/sub/train.py"
    patch = next(file for file in run["files"] if file["name"] == "diff.patch")
    assert b"+# changed" in backend.download(patch["url"])


def test_the_metadata_names_the_repository_without_its_password(home: Home, backend: Backend, run_id: str) -> None:
    passed(home, backend, run_id, SLURM_JOB_ID="77", WANDB_DOCKER="image:1")

    (facts,) = backend.run(run_id)["config"]["_wandb"]["e"].values()
    assert facts["git"] == {"remote": "https://example.com/a/b.git", "commit": git(home.work, "rev-parse", "HEAD")}
    assert facts["codePath"] == "sub/train.py"
    assert facts["docker"] == "image:1"
    assert facts["slurm"]["job_id"] == "77"
    assert facts["root"] == str(home.work)
    assert isinstance(facts["memory"]["total"], str)
    assert not {"diff.patch", "code/sub/train.py"} & files(backend, run_id)


def test_what_is_disabled_is_left_out(home: Home, backend: Backend, run_id: str) -> None:
    passed(home, backend, f"{run_id}-git", WANDB_DISABLE_GIT="true", WANDB_SAVE_CODE="true")
    passed(home, backend, f"{run_id}-machine", WANDB_X_DISABLE_MACHINE_INFO="true", WANDB_SAVE_CODE="true")

    (facts,) = backend.run(f"{run_id}-git")["config"]["_wandb"]["e"].values()
    assert "git" not in facts
    assert "diff.patch" not in files(backend, f"{run_id}-git")
    assert not {"wandb-metadata.json", "diff.patch"} & files(backend, f"{run_id}-machine")


def test_a_git_that_hangs_holds_up_nothing(
    home: Home, make_home: Callable[..., Home], backend: Backend, run_id: str, tmp_path: Path
) -> None:
    # Given a daemon whose `git` never ends
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec sleep 600\n")
    fake.chmod(0o755)
    other = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0", "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    Daemon(other)

    # When a run with code saving passes
    train(other, home.work / "sub" / "train.py", run_id, 2, env={"WANDB_SAVE_CODE": "true"})

    # Then it arrives, without patches
    backend.finished(run_id)
    assert "diff.patch" not in files(backend, run_id)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by openssl")
def test_in_a_pod_the_image_is_asked_of_kubernetes(home: Home, backend: Backend, run_id: str, tmp_path: Path) -> None:
    # Given an API server that knows the pod, and the account of the pod
    trusted, certificate = authority(tmp_path, "cluster")
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("pod-token\n")
    (account / "ca.crt").write_bytes(trusted.read_bytes())
    asked: list[tuple[str, str | None]] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            pod = {"status": {"containerStatuses": [{"imageID": "docker-pullable://example.org/trainer@sha256:12ab"}]}}
            body = json.dumps(pod).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.socket = certificate.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        # When a run passes there
        place = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_PORT_443_TCP_PORT": str(server.server_port)}
        pod = {"KUBERNETES_NAMESPACE": "training", "HOSTNAME": "trainer-0"}
        script = """
            import sys
            import wandbd as wandb
            from wandbd import _program
            _program.ACCOUNT = sys.argv[2]
            with wandb.init(project="pods", id=sys.argv[1]) as run:
                run.log({"i": 1})
        """
        Trainer(home, script, run_id, account, env=place | pod).succeeds(60)
        run = backend.finished(run_id)
    finally:
        server.shutdown()
        server.server_close()

    # Then its page says which image it was
    metadata = next(file for file in run["files"] if file["name"] == "wandb-metadata.json")
    assert json.loads(backend.download(metadata["url"]))["docker"] == "example.org/trainer@sha256:12ab"
    assert asked == [("/api/v1/namespaces/training/pods/trainer-0", "Bearer pod-token")]
