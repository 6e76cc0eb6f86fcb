"""The `wandbd.v1.OpenRun` of a run: everything that the daemon has to know about it from the start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd import _branching, _program
from wandbd._values import strict

if TYPE_CHECKING:
    from wandbd._facts import Facts
    from wandbd._settings import Settings
    from wandbd._types import CoreRun

# Numbers of W&B's telemetry.
_FEATURES = {
    "offline": 4,
    "name": 13,
    "id": 14,
    "tags": 15,
    "config": 16,
    "shared": 67,
    "label": 69,
    "fork": 71,
    "rewind": 72,
    "timeout": 74,
    "timeout_raises": 75,
}


def open_run(
    settings: Settings, facts: Facts, values: Mapping[str, Any], where: Mapping[str, Any], said: Mapping[str, bool]
) -> CoreRun:
    """A new run of the core; `said` tells whether an `id` and a `config` were said."""
    from wandbd._core_access import core

    module = core()
    fields = {
        "run_id": settings.run_id,
        "entity": facts.entity,
        "project": facts.project,
        "group": facts.group,
        "job_type": facts.job_type,
        "display_name": facts.name or "",
        "notes": facts.notes or "",
        "tag": list(facts.tags),
        "config_json": json.dumps(strict(dict(values)), ensure_ascii=False),
        "start_time": facts.start_time,
        "offline": facts.mode == "offline",
        "folder": facts.folder,
        "resume": {"auto": "allow"}.get(settings.resume or "", settings.resume or ""),
        "server": where,
        "program": _program.facts(settings, module.__version__, os.getcwd(), where["api_key"]),
        "stats": {
            "disabled": bool(settings.x_disable_stats or settings.x_disable_machine_info),
            "interval_s": float(settings.x_stats_sampling_interval),
            "disk_path": list(settings.x_stats_disk_paths or ()),
            "process_tree": bool(settings.x_stats_track_process_tree),
            "label": settings.x_label or "",
        },
        "feature": _features(settings, facts, said),
        "console": settings.console if settings.console != "auto" else "wrap",
        "fork_from": _branching.branch(settings.fork_from),
        "resume_from": _branching.branch(settings.resume_from),
        "sweep_id": settings.sweep_id or "",
        "console_files": _console_files(settings),
        "shared": _shared(settings, facts),
        "ignore_glob": list(settings.ignore_globs or ()),
        "save_code": bool(settings.save_code),
    }
    run: CoreRun = module.Run.open(fields)
    return run


def _console_files(settings: Settings) -> dict[str, Any] | None:
    if not settings.console_multipart:
        return None
    size, age = settings.console_chunk_max_bytes, settings.console_chunk_max_seconds
    return {"multipart": True, "max_bytes": int(size), "max_seconds": float(age)}


def _shared(settings: Settings, facts: Facts) -> dict[str, Any] | None:
    if facts.mode != "shared":
        return None
    return {
        "label": settings.x_label or "",
        "primary": bool(settings.x_primary),
        "finishes": bool(settings.x_update_finish_state),
    }


def _features(settings: Settings, facts: Facts, said: Mapping[str, bool]) -> list[int]:
    used = {
        "offline": facts.mode == "offline",
        "name": settings.run_name is not None,
        **said,
        "tags": settings.run_tags is not None,
        "shared": facts.mode == "shared",
        "label": bool(settings.x_label),
        "fork": settings.fork_from is not None,
        "rewind": settings.resume_from is not None,
        "timeout": settings.finish_timeout > 0,
        "timeout_raises": bool(settings.finish_timeout_raises),
    }
    return sorted(_FEATURES[name] for name, on in used.items() if on)
