"""The compiled core under this package, where it is built: no daemon runs, so nothing leaves the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wandbd

HERE = Path(__file__).parent
LIMIT_S = 60

pytestmark = pytest.mark.skipif(
    not list(Path(wandbd.__file__).parent.glob("_core*.so")), reason="the compiled core is not built here"
)


@pytest.fixture
def seen(tmp_path: Path) -> dict[str, Any]:
    pytest.importorskip("numpy")
    environ = {
        **os.environ,
        "WANDBD_AUTOSTART": "0",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path),
    }
    environ.pop("XDG_RUNTIME_DIR", None)
    done = subprocess.run(
        [sys.executable, str(HERE / "core_script.py")], env=environ, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_core_takes_what_python_hands_over(seen: dict[str, Any]) -> None:
    values = seen["values"]
    histogram = values.pop("hist")
    assert (histogram["_type"], len(histogram["bins"])) == ("histogram", 33)
    values.pop("x")
    assert values == {
        "float": 0.5,
        "int": 3,
        "bool": True,
        "none": None,
        "text": "t",
        "big": 2**70,
        "list": [1, [2.5, "x"], {"y": None}],
        "tuple": [1, 2],
        "nested": {"a": {"b": 1}, "empty": {}},
        "ordered": {"a": 1},
        "d.o.t/s": 1,
        "float32": 1.5,
        "int64": 7,
        "bool_": True,
        "zero_d": 2.0,
        "array": [0, 1, 2],
        "in_list": [1.5, [0, 1]],
        "set": [1],
        "enum": 1,
        "bytes": "x",
    }
    assert values["bool_"] is True
    assert seen["steps"] == [1, 2, 2, 9, 10, 11]
    assert (seen["owner"], seen["attached"]) == (True, True)
    assert seen["staging"].endswith("/staging")


def test_wrong_values_are_errors_that_name_the_key(seen: dict[str, Any]) -> None:
    assert seen["bad value"].startswith('TypeError: "loss": Object of type object cannot be logged')
    assert seen["bad key"].startswith("TypeError: Key values passed to `wandb.log` must be strings")
    assert seen["bad step"].startswith("TypeError: log step")
    assert seen["bad nested"].startswith("TypeError")
    assert "bogus" in seen["fields"]
