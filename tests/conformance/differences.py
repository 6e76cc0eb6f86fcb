"""Where a run through `wandbd` may differ from one through `wandb`, and why. What no longer differs has to be removed here.

`script` and `field` are patterns in the manner of file names; parts of a field are divided by `|`.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Allowed:
    """One difference that is meant."""

    script: str
    field: str
    reason: str
    gap: bool = False

    def covers(self, script: str, field: str) -> bool:
        """Whether it is about this field of this script."""
        return fnmatchcase(script, self.script) and fnmatchcase(field, self.field)


ALLOWED: tuple[Allowed, ...] = ()
"""Differences on purpose."""

SYNCED_BY_THEIRS: tuple[Allowed, ...] = ()
"""Where a run that the real `wandb sync` made of our journal differs from the one that wandbd has sent."""

SYNCED_BY_BOTH: tuple[Allowed, ...] = ()
"""Where a run that `wandbd sync` made of an offline run of theirs differs from the one that `wandb sync` made of it."""

GAPS: tuple[Allowed, ...] = ()
"""Differences that are faults of ours, not yet repaired."""
