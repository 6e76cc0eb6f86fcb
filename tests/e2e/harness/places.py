"""Where the things under test lie."""

import os
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
"""The top of the working tree."""

WANDBD = Path(os.environ.get("WANDBD_E2E_BIN", REPO / "target" / "debug" / "wandbd"))
"""The daemon under test: the debug build, unless told otherwise."""

PACKAGE = Path(os.environ.get("WANDBD_E2E_PACKAGE", REPO / "clients" / "python" / "python"))
"""What goes on PYTHONPATH: the Python package with its extension copied into it."""

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
"""Training scripts that several tests share."""

PYTHON = os.environ.get("WANDBD_E2E_PYTHON", sys.executable)
"""The interpreter of the test environment; it also has the real `wandb`."""
