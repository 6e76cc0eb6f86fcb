"""The gRPC contract, proved by a client that was not written by us: stubs by grpcio-tools, stock grpcio."""

import subprocess
from pathlib import Path

from harness import Backend, Daemon, Home
from harness.places import PYTHON, REPO, SCRIPTS
from harness.trainer import run as train


def test_a_client_generated_from_the_proto_files_opens_publishes_reads_acks_and_finishes(
    home: Home, backend: Backend, run_id: str, tmp_path: Path
) -> None:
    # Given stubs that grpcio-tools makes
    daemon = Daemon(home)
    files = sorted(str(path.relative_to(REPO / "proto")) for path in (REPO / "proto" / "wandbd").rglob("*.proto"))
    subprocess.run(
        [
            PYTHON,
            "-m",
            "grpc_tools.protoc",
            f"-I{REPO / 'proto'}",
            f"--python_out={tmp_path}",
            f"--grpc_python_out={tmp_path}",
            *files,
            *needs(),
        ],
        check=True,
        cwd=REPO / "proto",
    )

    # When a client talks to the daemon
    env = {"PYTHONPATH": str(tmp_path)}
    client = train(home, SCRIPTS / "contract_client.py", home.socket or "", run_id, backend.url, backend.api_key, env=env)

    # Then it was answered as the contract says
    assert client.said("health") == "SERVING"
    assert "wandbd.v1.Wandbd" in client.said("services")
    assert client.said("welcome") == "0 True"
    assert client.said("refused") == "[41] True"
    assert client.said("again") == "61"
    assert client.said("run") == f"{run_id} 100 100"
    assert client.last("finished") == ""

    # And its rows are on the server, each once, with its exit code
    run = backend.finished(run_id)
    assert [row["i"] for row in backend.history(run_id)] == list(range(100))
    assert run["exitcode"] == 4
    assert run["displayName"] == "by contract"
    assert run["config"]["language"] == "any"
    assert daemon.stop() == 0


def needs() -> list[str]:
    """Return the files of W&B's records only if ours import them."""
    text = "".join(path.read_text() for path in (REPO / "proto" / "wandbd").rglob("*.proto"))
    return ["wandb/wandb_internal.proto"] if 'import "wandb/' in text else []
