"""W&B's public names that wandbd does not provide yet, so that a use of one says so instead of failing oddly.

Names leave these lists when they are built; a test holds the lists against what is exported.
"""

from __future__ import annotations

MODULE = frozenset(
    """
    Api EvalTable agent agents api apis attach catboost controller ensure_configured env gym jupyter keras lightgbm
    patched profiler proto sacred sagemaker_auth sdk sklearn sweep tensorflow termsetup trigger unwatch
    util wandb_agent wandb_lib wandb_sdk wandb_torch watch xgboost
    """.split()
)

RUN = frozenset("unwatch watch".split())

DATA_TYPES = frozenset("EvalTable WBTraceTree _SavedModel".split())


def missing(where: str, name: str, known: frozenset[str]) -> AttributeError:
    """The error for a name that is not there: a plain one, or one that says it is W&B's and not built yet."""
    if name in known:
        full = name if where.startswith("module") else f"{where}.{name}"
        return AttributeError(f"wandbd does not provide `{full}` yet", name=name)
    if where.startswith("module"):
        return AttributeError(f"{where} has no attribute {name!r}", name=name)
    return AttributeError(f"{where!r} object has no attribute {name!r}", name=name)
