"""A copy of the daemon and the Python package for this session of tests: a build that runs beside them cannot pull them away."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def take() -> None:
    """Copy both and name the copies in the environment, where `harness.places` looks; what is named there already stays."""
    folder = Path(tempfile.mkdtemp(prefix="wd-build-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if "WANDBD_E2E_BIN" not in os.environ:
        built = REPO / "target" / "debug" / "wandbd"
        if not built.exists():
            raise SystemExit(f"{built} is missing: run `make test`, or `cargo build -p wandbd -p wandbd-python` first")
        os.environ["WANDBD_E2E_BIN"] = str(shutil.copy2(built, folder / "wandbd"))
    if "WANDBD_E2E_PACKAGE" not in os.environ:
        library = REPO / "target" / "debug" / "lib_core.so"
        package = folder / "python"
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "bin")
        shutil.copytree(REPO / "clients" / "python" / "python", package, ignore=ignored)
        shutil.copy2(library, package / "wandbd" / "_core.abi3.so")
        os.environ["WANDBD_E2E_PACKAGE"] = str(package)
