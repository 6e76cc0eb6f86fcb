"""`python -m wandbd.run train.py`: this Python, with wandbd in the place of wandb. See `wandbd._replace`."""

from __future__ import annotations

import sys

from wandbd import _replace

if __name__ == "__main__":
    arguments = sys.argv[1:]
    _replace.run(arguments and arguments[0] not in ("-h", "--help") and [sys.executable, *arguments] or ["-h"])
else:
    # `wandbd.run` is the current run; it must not become this module.
    raise ImportError(
        "wandbd.run is a program: python -m wandbd.run train.py. The current run is `wandbd.run` without an import."
    )
