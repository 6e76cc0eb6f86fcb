"""Reads runs through the real SDK's public API and prints them as JSON: `reader.py ENTITY/PROJECT/RUN...`."""

import json
import sys
from typing import Any

import wandb


def read(api: Any, path: str) -> dict[str, Any]:
    """Return all that a person with the API sees of one run."""
    run = api.run(path)
    return {
        "state": run.state,
        "name": run.name,
        "tags": sorted(run.tags),
        "notes": run.notes,
        "group": run.group,
        "job_type": run.job_type,
        "config": run.config,
        "summary": json.loads(json.dumps(run.summary._json_dict)),
        "scanned": list(run.scan_history()),
        "sampled": run.history(samples=100_000, pandas=False),
        "steps": run.lastHistoryStep,
        "files": {file.name: file.size for file in run.files()},
        "artifacts": sorted(artifact.name for artifact in run.logged_artifacts()),
    }


def main() -> None:
    """Read all runs that are named."""
    api = wandb.Api()
    sys.stdout.write(json.dumps({path: read(api, path) for path in sys.argv[1:]}))


if __name__ == "__main__":
    main()
