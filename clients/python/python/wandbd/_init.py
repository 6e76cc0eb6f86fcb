"""`init`: settings, a run of the core, and the first lines on the terminal. It waits for nobody."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from wandbd import _attach, _exit, _program, _registry
from wandbd._config import initial
from wandbd._console import Console
from wandbd._credentials import server
from wandbd._disabled import DisabledCore
from wandbd._errors import UnsupportedError, UsageError
from wandbd._finish import speak
from wandbd._run import Facts, Run
from wandbd._settings import PROJECT_MAX, Resolved, Settings, resolve, wandb_dir
from wandbd._term import Terminal
from wandbd._values import strict

ID_LENGTH = 8
_ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_BAD = ":;,#?/'"
_PROJECT_BAD = "/\\#?%:"
_MODES = {"dryrun": "offline", "run": "online"}
_NOT_SAID = object()
# Numbers of W&B's telemetry.
_FEATURES = {"offline": 4, "name": 13, "id": 14, "tags": 15, "config": 16}


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: object = _NOT_SAID,
    magic: object = _NOT_SAID,
) -> Run:
    """Start a run and make it the current one.

    Returns at once, whether a daemon or a server is there or not. In a worker process of `multiprocessing` it returns
    the parent's run, unless another id or project is asked for.

    Args:
        entity: User or team; the server's default without it.
        project: The project; without it the repository's name.
        dir: Where the folder `wandb` lies; the working directory without it.
        id: Identifier, unique in the project; random without it.
        name: Display name; the server makes one up without it.
        notes: Description.
        tags: Words to find the run by.
        config: What the run is made with: a mapping, an argparse namespace, or the path of a file.
        config_exclude_keys: Keys of `config` to leave out.
        config_include_keys: The only keys of `config` to take.
        allow_val_change: Whether config values may change later.
        group: Runs of one group are shown together.
        job_type: Kind of work, for example `train`.
        mode: `online`, `offline` (stays on disk until `wandbd sync`) or `disabled`.
        force: Whether a missing API key is an error.
        reinit: What to do when a run is active: `return_previous` (the default), `finish_previous`, `create_new`.
        resume: Not provided yet.
        resume_from: Not provided yet.
        fork_from: Not provided yet.
        save_code: Not provided yet.
        tensorboard: Not provided yet.
        sync_tensorboard: Not provided yet.
        monitor_gym: Not provided yet.
        settings: More settings, by W&B's names.
        anonymous: Gone from W&B; has no effect.
        magic: Gone from W&B; has no effect.

    Raises:
        UsageError: An argument or setting is wrong; the message names it.
        UnsupportedError: An argument that wandbd does not provide yet.
    """
    _refuse_unbuilt(tensorboard=tensorboard, monitor_gym=monitor_gym)
    arguments = {
        "entity": entity,
        "project": project,
        "root_dir": None if dir is None else os.path.abspath(os.fspath(dir)),
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "allow_val_change": allow_val_change,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "force": force,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
        "save_code": save_code,
        "sync_tensorboard": sync_tensorboard,
    }
    resolved = resolve(arguments, settings, os.environ, os.getcwd())
    terminal = Terminal(resolved.settings)
    for what, value in (("anonymous", anonymous), ("magic", magic)):
        if value is not _NOT_SAID:
            terminal.warn(f"the argument `{what}` of init is gone from W&B and has no effect")
    values = initial(config, config_include_keys, config_exclude_keys)
    there = _existing(resolved.settings, terminal, arguments, values)
    return there if there is not None else _start(resolved, terminal, values)


def _refuse_unbuilt(**arguments: object) -> None:
    for name, value in arguments.items():
        if value:
            raise UnsupportedError(f"wandbd does not provide the argument `{name}` of init yet")


def _existing(
    settings: Settings, terminal: Terminal, arguments: Mapping[str, Any], values: Mapping[str, Any]
) -> Run | None:
    """The run to return instead of a new one, if there is one; finishes runs that are in the way."""
    reinit = settings.reinit
    if reinit == "create_new":
        return None
    previous = _registry.owned()
    if previous is not None:
        if reinit == "finish_previous":
            terminal.detail("Finishing previous runs because reinit is set to 'finish_previous'.")
            for run in reversed(_registry.runs()):
                run.finish()
            return None
        terminal.info(
            f"wandb.init() called while a run is active and reinit is set to {reinit!r}, so returning the previous run."
        )
        return previous
    if not _attach.is_worker() or _mode(settings) == "disabled":
        return None
    return _parents(arguments, values)


def _parents(arguments: Mapping[str, Any], values: Mapping[str, Any]) -> Run | None:
    """The run of the parent of this worker, if what is asked for fits it."""
    run = _attach.current_or_attached()
    if run is None or arguments["run_id"] is not None:
        return None
    for said, has in ((arguments["project"], run.project), (arguments["entity"], run._facts.entity)):
        if said is not None and said != has:
            return None
    if values:
        run.config.setdefaults(values)
    return run


def _start(resolved: Resolved, terminal: Terminal, values: dict[str, Any]) -> Run:
    settings = resolved.settings
    mode = _mode(settings)
    run_id = _run_id(settings.run_id)
    start_time = settings.x_start_time or time.time()  # the moment that `init` was called
    program = _program.script(settings)
    facts = Facts(mode, _folder(settings, mode, run_id, start_time), start_time)
    facts.entity = settings.entity or ""
    facts.project = _project(settings.project) or _program.default_project(program, os.getcwd())
    facts.name, facts.notes = settings.run_name, settings.run_notes
    facts.tags = settings.run_tags or ()
    facts.group, facts.job_type = settings.run_group or "", settings.run_job_type or ""
    if mode == "disabled":
        facts.name = facts.name or f"dummy-{run_id}"
        run = Run(DisabledCore(run_id), settings, facts, values)
    else:
        run = _open(resolved, facts, run_id, values)
    current = settings.reinit != "create_new"
    for line in resolved.warnings:
        terminal.warn(line, once=True)
    _greet(run)
    _registry.add(run, current)
    _exit.arm()
    if current:
        run._restore = _attach.export(run)
    if mode != "disabled" and _captures(settings):
        run._console = Console(run._core.output)
        run._console.start()
    return run


def _open(resolved: Resolved, facts: Facts, run_id: str, values: dict[str, Any]) -> Run:
    from wandbd._core_access import core

    module = core()
    settings = resolved.settings
    where = server(resolved, os.environ)
    if settings.force and facts.mode == "online" and not where["api_key"]:
        raise UsageError("api_key not configured (no-tty). call wandb.login(key=[your_api_key])")
    fields = {
        "run_id": run_id,
        "entity": facts.entity,
        "project": facts.project,
        "group": facts.group,
        "job_type": facts.job_type,
        "display_name": facts.name or "",
        "notes": facts.notes or "",
        "tag": list(facts.tags),
        "config_json": json.dumps(strict(values), ensure_ascii=False),
        "start_time": facts.start_time,
        "offline": facts.mode == "offline",
        "folder": facts.folder,
        "resume": "",
        "server": where,
        "program": _program.facts(settings, module.__version__, os.getcwd(), where["api_key"]),
        "stats": {
            "disabled": bool(settings.x_disable_stats or settings.x_disable_machine_info),
            "interval_s": float(settings.x_stats_sampling_interval),
            "disk_path": list(settings.x_stats_disk_paths or ()),
            "process_tree": bool(settings.x_stats_track_process_tree),
            "label": settings.x_label or "",
        },
        "feature": _features(settings, facts, values),
        "console": "wrap" if _captures(settings) else "off",
    }
    return Run(module.Run.open(fields), settings, facts, values)


def _features(settings: Settings, facts: Facts, values: Mapping[str, Any]) -> list[int]:
    used = {
        "offline": facts.mode == "offline",
        "name": settings.run_name is not None,
        "id": settings.run_id is not None,
        "tags": settings.run_tags is not None,
        "config": bool(values),
    }
    return [_FEATURES[name] for name, on in used.items() if on]


def _mode(settings: Settings) -> str:
    mode = _MODES.get(settings.mode, settings.mode)
    if mode == "shared":
        raise UnsupportedError("wandbd does not provide mode='shared' yet")
    return str(mode)


def _captures(settings: Settings) -> bool:
    if settings.console in ("redirect", "wrap_emu"):
        raise UnsupportedError(f"wandbd does not provide console={settings.console!r} yet")
    return bool(settings.console != "off")


def _run_id(said: str | None) -> str:
    """The id that was said, checked, or a random one."""
    if said is None:
        return "".join(_ID_LETTERS[byte % len(_ID_LETTERS)] for byte in _random_bytes(ID_LENGTH))
    if not said:
        raise UsageError("Run ID cannot be empty")
    if said != said.strip():
        raise UsageError("Run ID cannot start or end with whitespace")
    if any(letter in _ID_BAD for letter in said):
        raise UsageError(f"Run ID cannot contain the characters: {_ID_BAD}")
    return said


def _random_bytes(count: int) -> list[int]:
    """Random bytes below the largest multiple of the number of letters, so that every letter is as likely."""
    limit = 256 - 256 % len(_ID_LETTERS)
    found: list[int] = []
    while len(found) < count:
        found.extend(byte for byte in os.urandom(count * 2) if byte < limit)
    return found[:count]


def _project(said: str | None) -> str | None:
    if not said:
        return None
    if len(said) > PROJECT_MAX:
        raise UsageError(f"Invalid project name {said!r}: exceeded {PROJECT_MAX} characters")
    bad = [letter for letter in said if letter in _PROJECT_BAD]
    if bad:
        raise UsageError(
            f"Invalid project name {said!r}: cannot contain characters {','.join(_PROJECT_BAD)!r}, found {bad[0]!r}"
        )
    return said


def _folder(settings: Settings, mode: str, run_id: str, start_time: float) -> str:
    """Where the run's files lie; nothing is made yet."""
    if mode == "disabled":
        import tempfile

        root = tempfile.gettempdir()
    else:
        root = settings.root_dir or os.getcwd()
    prefix = "offline-run" if mode == "offline" else "run"
    stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(start_time))
    return os.path.join(wandb_dir(os.path.abspath(root)), f"{prefix}-{stamp}-{run_id}")


def _greet(run: Run) -> None:
    """The first lines: what tracks, where the files lie, and the page if it is known already."""
    if run.disabled:
        return
    from wandbd._core_access import core

    terminal = run._terminal
    terminal.detail(f"Tracking run with wandbd version {core().__version__}")
    if run.offline:
        terminal.info("W&B syncing is set to `offline`: this run stays on disk until you send it by `wandbd sync`")
        terminal.info(f"Run data is saved locally in {run.sync_dir}")
    if run._facts.name:
        terminal.detail(f"Syncing run {run._facts.name}")
    run._announced = True
    speak(run)
