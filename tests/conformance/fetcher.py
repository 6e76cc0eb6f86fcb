"""Downloads versions of artifacts by one of the two modules: `fetcher.py MODULE FOLDER ENTITY/PROJECT/NAME:VERSION...`."""

import importlib
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Bring each version into a folder of its own, and verify it there."""
    module, folder, *names = sys.argv[1:]
    sdk: Any = importlib.import_module(module)
    if module == "wandb":
        api = sdk.Api()
        for number, name in enumerate(names):
            _fetch(api.artifact(name), Path(folder, str(number)))
        return
    with sdk.init(project="fetches", id="fetcher", settings=sdk.Settings(console="off")) as run:
        for number, name in enumerate(names):
            _fetch(run.use_artifact(name), Path(folder, str(number)))


def _fetch(artifact: Any, root: Path) -> None:
    root.mkdir(parents=True)
    artifact.download(root=str(root))
    artifact.verify(root=str(root))


if __name__ == "__main__":
    main()
