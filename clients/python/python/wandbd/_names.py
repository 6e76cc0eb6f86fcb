"""W&B's public names that wandbd does not provide yet, so that a use of one says so instead of failing oddly.

Names leave these lists when they are built; a test holds the lists against what is exported.
"""

from __future__ import annotations

MODULE = frozenset(
    """
    Api ArtifactTTL Audio Classes EvalTable Graph Histogram Html Image JoinedTable Molecule Object3D Plotly
    Table Video agent agents api apis attach box3d catboost controller data_types ensure_configured env gym
    jupyter keras lightgbm link_model log_model patched plot plot_table
    profiler proto sacred sagemaker_auth sdk sklearn sweep tensorboard tensorflow
    termsetup trigger unwatch use_artifact use_model util visualize wandb_agent wandb_lib
    wandb_sdk wandb_torch watch xgboost
    """.split()
)

RUN = frozenset(
    """
    finish_artifact link_artifact link_model log_model unwatch upsert_artifact use_artifact use_model watch
    """.split()
)

ARTIFACT = frozenset(
    """
    add add_reference checkout collection commit_hash created_at delete digest digest_algorithm distributed_id download
    entity file file_count files finalize get get_added_local_path_name get_entry get_path history_step id incremental
    is_draft is_link json_encode link linked_artifacts linked_at logged_by manifest new_draft new_file project
    qualified_name remove save size source_artifact source_collection source_entity source_name source_project
    source_qualified_name source_version state tags ttl unlink updated_at url use_as used_by verify version wait
    """.split()
)

KERAS = frozenset(["WandbCallback", "WandbEvalCallback"])


def missing(where: str, name: str, known: frozenset[str]) -> AttributeError:
    """The error for a name that is not there: a plain one, or one that says it is W&B's and not built yet."""
    if name in known:
        full = name if where.startswith("module") else f"{where}.{name}"
        return AttributeError(f"wandbd does not provide `{full}` yet", name=name)
    if where.startswith("module"):
        return AttributeError(f"{where} has no attribute {name!r}", name=name)
    return AttributeError(f"{where!r} object has no attribute {name!r}", name=name)
