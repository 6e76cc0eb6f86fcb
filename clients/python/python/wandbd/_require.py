"""`require`: words with which scripts of older releases switched features on that have long been the default."""

from __future__ import annotations

from collections.abc import Iterable

from wandbd._errors import UnsupportedError
from wandbd._term import of_current_run

_DEFAULTS = frozenset(["core", "require", "service"])


def require(requirement: str | Iterable[str] | None = None, experiment: str | Iterable[str] | None = None) -> None:
    """Ask for features; those that W&B knows are always on.

    Args:
        requirement: One name or several.
        experiment: The same, under its older name.

    Raises:
        UnsupportedError: There is no such feature.
    """
    asked = requirement or experiment or ()
    names = [asked] if isinstance(asked, str) else list(asked)
    unknown = [name for name in names if name.split("@")[0].split(":")[0] not in _DEFAULTS]
    if unknown:
        raise UnsupportedError(f"require() unsupported requirement: {', '.join(unknown)}")
    for name in names:
        if name != "require":
            of_current_run().warn(f"`wandb.require('{name}')` is a no-op: it is the default.", once=True)
