"""What `scripts/whole.py` logs, and whether the backend has all of it."""

from typing import Any

from harness.backend import Backend


def rows_of(rows: int) -> list[dict[str, Any]]:
    """Return the user's part of the rows that the script logs."""
    expected: list[dict[str, Any]] = []
    for i in range(rows):
        expected.append({"i": i, "loss": 1 / (i + 1), "deep": {"x": i * 2}, "word": f"w{i}"})
        if i % 10 == 0:
            expected.append({"val/epoch": i // 10, "val/acc": 1 - 1 / (i + 1), "i": i + 0.5})
    return expected


def users_part(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what the SDK adds."""
    return {key: value for key, value in row.items() if not key.startswith("_")}


def arrived(backend: Backend, run_id: str, rows: int, limit_s: float = 60, logged_as: str | None = None) -> dict[str, Any]:
    """Wait for the end of the run, then compare everything; return the run as the backend knows it."""
    run = backend.finished(run_id, limit_s)
    history = backend.history(run_id)
    assert [users_part(row) for row in history] == rows_of(rows)
    assert [row["_step"] for row in history] == list(range(len(history)))
    assert run["exitcode"] == 0, run["exitcode"]
    assert run["state"] == "finished", run["state"]
    assert run["displayName"] == f"name of {logged_as or run_id}", run["displayName"]
    config = run["config"]
    assert (config["lr"], config["deep"], config["late"]) == (0.1, {"a": [1, 2]}, True), config
    assert run["summary"]["verdict"] == "good"
    assert run["summary"]["deep"] == {"x": (rows - 1) * 2}
    console = backend.console(run_id)
    assert "step 0" in console
    assert "the last line" in console
    names = {file["name"] for file in run["files"]}
    wanted = {"config.yaml", "wandb-summary.json", "wandb-metadata.json", "requirements.txt", "output.log"}
    assert wanted <= names, f"missing files: {wanted - names}"
    artifacts = [artifact for artifact in run["artifacts"] if artifact["type"] == "model"]
    assert len(artifacts) == 1, artifacts
    assert artifacts[0]["state"] == "COMMITTED"
    assert {"best", "latest"} <= set(artifacts[0]["aliases"]), artifacts[0]["aliases"]
    assert not run["violations"], run["violations"]
    return run
