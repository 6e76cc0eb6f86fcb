"""Taking part in a run that another process has opened.

`init` exports `WANDBD_RUN`: a JSON object that says which run is active and who owns it; it holds no secret. A child
process that touches the run without an own `init` takes part in it: its own connection and numbering, no console
capture, no end of the run. A forked child needs none of this: what it inherited goes on working, and the core knows
that it is another process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wandbd import _registry
from wandbd._errors import CommError

if TYPE_CHECKING:
    from wandbd._run import Run

VARIABLE = "WANDBD_RUN"
CONFIG_MAX = 16384
"""A config whose JSON is longer is not exported; children then depend on the daemon's answer."""


def reference(run: Run) -> dict[str, Any]:
    """What another process needs to know to take part in `run`."""
    from wandbd._values import strict

    result: dict[str, Any] = {
        "session": run.session,
        "run_id": run.id,
        "project": run.project,
        "entity": run._facts.entity,
        "mode": run.mode,
        "folder": run.sync_dir,
        "start_time": run.start_time,
        "pid": os.getpid(),
        "name": run._facts.name,
        "group": run.group,
        "job_type": run.job_type,
    }
    config = json.dumps(strict(run._config.as_dict()), default=str)
    if len(config) <= CONFIG_MAX:
        result["config"] = json.loads(config)
    return result


def export(run: Run) -> Callable[[], None]:
    """Tell future children about `run`; the result undoes it."""
    before = os.environ.get(VARIABLE)
    mine = json.dumps(reference(run))
    os.environ[VARIABLE] = mine

    def restore() -> None:
        if os.environ.get(VARIABLE) != mine:
            return
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before

    return restore


def exported(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The reference in the environment, if it was made by another process."""
    text = environ.get(VARIABLE)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    good = isinstance(found, dict) and found.get("run_id") and found.get("pid") != os.getpid()
    return found if good and environ.get("WANDBD_ATTACH", "1") != "0" else None


def is_worker() -> bool:
    """Whether this process was made by `multiprocessing`."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def current_or_attached() -> Run | None:
    """The run of this process; in a child that has none, its parent's."""
    run = _registry.current()
    if run is not None:
        return run
    found = exported(os.environ)
    return take_part(found) if found is not None else None


def take_part(found: Mapping[str, Any]) -> Run:
    """The run that `found` refers to, joined if this process has not done so yet."""
    known = _registry.with_session(found["session"]) if found["session"] else None
    if known is not None:
        return known
    from wandbd import _exit
    from wandbd._disabled import DisabledCore
    from wandbd._run import Facts, Run
    from wandbd._settings import resolve

    settings = resolve({}, None, os.environ, os.getcwd()).settings
    facts = Facts(found["mode"], found["folder"], found["start_time"])
    facts.entity, facts.project, facts.name = found["entity"], found["project"], found["name"]
    facts.group, facts.job_type = found["group"], found["job_type"]
    if found["mode"] == "disabled":
        run = Run(DisabledCore(found["run_id"]), settings, facts, found.get("config", {}))
    else:
        from wandbd._core_access import core

        attached = core().Run.attach(found["session"], found["run_id"])
        run = Run(attached, settings, facts, None, lambda: _config(run, found.get("config")))
    _registry.add(run, current=_registry.current() is None)
    _exit.arm()
    return run


def _config(run: Run, exported_config: dict[str, Any] | None) -> dict[str, Any]:
    """The run's config as the daemon has it; as it was at `init` if the daemon does not answer."""
    from wandbd._run import ANSWER_S

    answer = run._core.fetch(ANSWER_S)
    if answer is not None:
        values = json.loads(answer.get("config_json") or "{}")
        return {key: value for key, value in values.items() if key != "_wandb"}
    if exported_config is None:
        raise CommError(f"wandbd did not answer within {ANSWER_S:g} s: the config of run {run.id} is not known here")
    run._terminal.warn(f"wandbd did not answer within {ANSWER_S:g} s: the config is that of the run's start", once=True)
    return exported_config
