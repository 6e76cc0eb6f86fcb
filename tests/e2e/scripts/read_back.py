"""Reads a run through the real SDK's public API and prints it as JSON: `read_back.py ENTITY/PROJECT/RUN`."""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import wandb


def digest(path: Path) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Read config, summary, the whole history, files and artifacts."""
    api = wandb.Api()
    run = api.run(sys.argv[1])
    found: dict[str, Any] = {
        "state": run.state,
        "name": run.name,
        "tags": sorted(run.tags),
        "config": run.config,
        "summary": json.loads(json.dumps(run.summary._json_dict)),
        "history": list(run.scan_history()),
        "sampled": run.history(pandas=False),
        "lastHistoryStep": run.lastHistoryStep,
        "files": {},
        "artifacts": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for file in run.files():
            file.download(root=folder, replace=True)
            found["files"][file.name] = digest(Path(folder, file.name))
        for artifact in run.logged_artifacts():
            root = Path(artifact.download(root=str(Path(folder, "artifacts", artifact.name.replace(":", "-")))))
            found["artifacts"][artifact.name] = {
                "type": artifact.type,
                "aliases": sorted(artifact.aliases),
                "metadata": artifact.metadata,
                "files": {str(path.relative_to(root)): digest(path) for path in sorted(root.rglob("*")) if path.is_file()},
            }
    print("read", json.dumps(found))


if __name__ == "__main__":
    main()
