"""What the scripts share: the module under test as `wandb`, and ways to say what a script saw.

A script is written for W&B and knows nothing of wandbd. It starts with a sentence on what it shows and may have header lines:

- `# points: 2 3`: the numbered points of the feature list that it covers (see `catalogue.py`)
- `# env: NAME=value` sets a variable, `# env: NAME` removes it; `{work}` is the script's working directory
- `# exit: 3`: the exit status that it must end with (0 without such a line; negative for a signal)
- `# online:`: it needs a server, or a mode of its own
- `# projects: a b`: projects that it logs to besides its own
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULE = os.environ["CONFORMANCE_MODULE"]
wandb: Any = importlib.import_module(MODULE)


def say(what: str, value: object) -> None:
    """Tell what the script saw: it must be the same with both modules."""
    with open(os.environ["CONFORMANCE_SAID"], "a", encoding="utf-8") as said:
        said.write(json.dumps([what, value], default=str) + "\n")


PRIVATE = ("ValidationError", "SettingsError", "PydanticSerializationError", "UnsupportedError", "Exception", "BaseException", "object")
"""Kinds of errors that a script cannot be expected to catch by name."""


def kinds(error: Exception) -> list[str]:
    """Return the names under which a script may catch an error, the most special one first."""
    return [kind.__name__ for kind in type(error).__mro__ if kind.__name__ not in PRIVATE]


@contextmanager
def tried(what: str) -> Iterator[None]:
    """Tell whether the block was accepted, or by which error it was refused; in both cases the script goes on."""
    try:
        yield
    except Exception as error:
        say(what, {"refused": kinds(error)})
    else:
        say(what, "accepted")


def outcome(what: str, call: Any, *arguments: Any, **words: Any) -> Any:
    """Call, and tell the result or the kind of error."""
    try:
        value = call(*arguments, **words)
    except Exception as error:
        say(what, {"refused": kinds(error)})
        return None
    say(what, value if isinstance(value, (type(None), bool, int, float, str, list, dict, tuple)) else type(value).__name__)
    return value


def again(*arguments: str, code: int = 0) -> None:
    """Run the script that calls this once more, in a process of its own, with arguments."""
    done = subprocess.run([sys.executable, "-W", "default", sys.argv[0], *arguments], check=False)
    assert done.returncode == code, f"{arguments} ended with {done.returncode}, not {code}"


def sync(*words: str) -> None:
    """Send runs by the tool of the module under test."""
    tool = [sys.executable, "-m", "wandb"] if MODULE == "wandb" else [os.environ["WANDBD_BIN"]]
    done = subprocess.run([*tool, "sync", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def offline_folders() -> list[str]:
    """Return the folders of offline runs below the working directory, the oldest first."""
    return sorted(str(path) for path in Path("wandb").glob("offline-run-*"))


def relative(path: str) -> str:
    """Return a path below the working directory in its relative form, with date and time of the run taken out."""
    import re

    return re.sub(r"\d{8}_\d{6}", "<time>", os.path.relpath(path, os.path.realpath(os.getcwd())))
