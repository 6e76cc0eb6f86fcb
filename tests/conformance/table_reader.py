"""Reads the tables of artifacts through the real SDK and prints them as JSON: `table_reader.py ENTITY/PROJECT/NAME:VERSION...`."""

import hashlib
import json
import re
import sys
from typing import Any

import numpy as np
import wandb

SUFFIX = ".table.json"


def plain(value: Any) -> Any:
    """Return a cell in a form that can be compared: pictures by their pixels, other media by their class."""
    if isinstance(value, wandb.Image):
        return ["picture", hashlib.sha256(np.asarray(value.image).tobytes()).hexdigest(), value._caption, sorted(value._masks or {})]
    if isinstance(value, np.ndarray):
        return ["array", str(value.dtype), value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (int, float, str, type(None), dict)):
        return value
    return type(value).__name__ if type(value).__module__.startswith("wandb") else str(value)


def cells(artifact: Any, name: str) -> Any:
    """Return columns and rows of a table; the SDK cannot read all that it writes."""
    try:
        table = artifact.get(name)
        return [table.columns, [plain(row) for row in table.data]]
    except Exception as error:
        return {"refused": type(error).__name__}


def read(api: Any, path: str) -> dict[str, Any]:
    """Return all tables of an artifact by name."""
    artifact = api.artifact(path)
    tables = {}
    for name in sorted(artifact.manifest.entries):
        if name.endswith(SUFFIX) and not name.startswith("media/"):
            tables[re.sub(r"-\d{13}\.", "-<ms>.", name)] = cells(artifact, name.removesuffix(SUFFIX))
    return tables


def main() -> None:
    """Read all artifacts that are named."""
    api = wandb.Api()
    sys.stdout.write(json.dumps({path: read(api, path) for path in sys.argv[1:]}))


if __name__ == "__main__":
    main()
