"""`init`: settings, a run of the core, and the first lines on the terminal. It waits for nobody."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from wandbd import _attach, _branching, _exit, _opening, _program, _registry
from wandbd._config_sources import initial, narrowed
from wandbd._console import capture
from wandbd._credentials import server
from wandbd._disabled import DisabledCore
from wandbd._errors import AuthenticationError, Error
from wandbd._finish import speak
from wandbd._run import Facts, Run
from wandbd._settings import Resolved, Settings, with_facts
from wandbd._setup import here
from wandbd._term import Terminal

ID_LENGTH = 8
_ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MODES = {"dryrun": "offline", "run": "online"}
_NOT_SAID = object()


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

    Returns at once, whether a daemon or a server is there or not; only a run that goes on where another part ended
    waits for the server. In a worker process of `multiprocessing` it returns the parent's run, unless another id or
    project is asked for.

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
        mode: `online`, `offline` (stays on disk until `wandbd sync`), `disabled`, or `shared` (several writers, also on
            several machines, of one run).
        force: Whether a missing API key is an error.
        reinit: What to do when a run is active: `return_previous` (the default), `finish_previous` (the default in
            notebooks), `create_new`.
        resume: What to do when there is a run with this `id`: `allow` goes on with it, `must` insists that there is
            one, `never` that there is none; `auto` goes on with the last run here if it failed.
        resume_from: `<run>?_step=<n>`: cut the run back to this step and go on from there.
        fork_from: `<run>?_step=<n>`: begin as a copy of another run up to this step.
        save_code: Whether the script goes to the run's files.
        tensorboard: The old name of `sync_tensorboard`.
        sync_tensorboard: Whether event files that TensorBoard writers make from now on are followed.
        monitor_gym: Whether videos that gymnasium (or gym) records are logged.
        settings: More settings, by W&B's names.
        anonymous: Gone from W&B; has no effect.
        magic: Gone from W&B; has no effect.

    Raises:
        UsageError: An argument or setting is wrong, or the server has the run in a state that does not fit.
        AuthenticationError: The credentials that were said cannot be.
        CommError: The server did not answer, and what was asked for needs its answer.
        UnsupportedError: A setting that wandbd does not provide yet.
    """
    arguments = {
        "entity": entity,
        "project": project,
        "root_dir": None if dir is None else os.path.abspath(os.path.expanduser(os.fspath(dir))),
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
        "sync_tensorboard": tensorboard if sync_tensorboard is None else sync_tensorboard,
    }
    resolved = here(arguments, settings)
    terminal = Terminal(resolved.settings)
    for what, value in (("anonymous", anonymous), ("magic", magic)):
        if value is not _NOT_SAID:
            terminal.warn(f"the argument `{what}` of init is gone from W&B and has no effect")
    _leave_to_the_sweep(resolved, terminal)
    given = narrowed(config, config_include_keys, config_exclude_keys)
    there = _existing(resolved.settings, terminal, arguments, given)
    if resolved.settings.sync_tensorboard:
        from wandbd import tensorboard as event_files

        if not event_files.is_patched():
            event_files.patch()
    if monitor_gym:
        from wandbd._gym import monitor

        monitor()
    return there if there is not None else _start(resolved, terminal, given)


def _leave_to_the_sweep(resolved: Resolved, terminal: Terminal) -> None:
    """In a sweep the sweep says which run this is; what code says about it is left out with a warning."""
    if not resolved.settings.sweep_id:
        return
    for name in ("project", "entity", "run_id"):
        said = resolved.code.get(name)
        if said is not None:
            terminal.warn(f"Ignoring {name} {said!r} when running a sweep.")
            outside = here({}, None).settings
            resolved.settings._given[name] = getattr(outside, name)


def _existing(
    settings: Settings, terminal: Terminal, arguments: Mapping[str, Any], given: Mapping[str, Any]
) -> Run | None:
    """The run to return instead of a new one, if there is one; finishes runs that are in the way."""
    reinit = settings.reinit
    if reinit == "create_new" or settings._noop:
        return None
    previous = _registry.owned()
    if previous is not None:
        if reinit == "finish_previous" or (reinit == "default" and settings._notebook):
            terminal.detail(f"Finishing previous runs because reinit is set to {reinit!r}.")
            for run in reversed(_registry.runs()):
                run.finish()
            return None
        if settings.resume == "must":
            raise Error(
                "Cannot resume a run while another run is active. You must either finish it using run.finish(), "
                "or use reinit='create_new' when calling wandb.init()."
            )
        terminal.info(
            f"wandb.init() called while a run is active and reinit is set to {reinit!r}, so returning the previous run."
        )
        return previous
    return _parents(arguments, given) if _attach.is_worker() else None


def _parents(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> Run | None:
    """The run of the parent of this worker, if what is asked for fits it."""
    run = _attach.current_or_attached()
    if run is None or arguments["run_id"] is not None:
        return None
    for said, has in ((arguments["project"], run.project), (arguments["entity"], run._facts.entity)):
        if said is not None and said != has:
            return None
    if given:
        run.config.setdefaults(given)
    return run


def _start(resolved: Resolved, terminal: Terminal, given: Mapping[str, Any]) -> Run:
    mode = str(_MODES.get(resolved.settings.mode, resolved.settings.mode))
    settings = _placed(resolved.settings, mode, terminal)
    values, swept = initial(given, settings, lambda line: terminal.warn(line, once=True))
    facts = _facts(settings, mode)
    locked = dict.fromkeys(swept, "sweep")
    if mode == "disabled":
        facts.name, facts.entity = facts.name or f"dummy-{settings.run_id}", facts.entity or "dummy"
        facts.project = "dummy" if facts.project == "uncategorized" else facts.project
        run = Run(DisabledCore(settings.run_id), settings, facts, values, None, locked)
        base_url = ""
    else:
        facts.resume_file = _branching.remember(settings, settings.run_id)
        where = _server(resolved, mode)
        base_url = where["base_url"]
        said = {"id": resolved.settings.run_id is not None, "config": bool(given)}
        run = Run(_opening.open_run(settings, facts, values, where, said), settings, facts, values, None, locked)
    for line in resolved.warnings:
        terminal.warn(line, once=True)
    _branching.settle(run, settings, base_url)
    _registered(run, settings)
    return run


def _registered(run: Run, settings: Settings) -> None:
    """Greet, make it the current run, and listen."""
    current = settings.reinit != "create_new"
    _greet(run)
    _registry.add(run, current)
    _exit.arm()
    if current:
        run._restore = _attach.export(run)
    if run.disabled:
        return
    run._console = capture(settings.console, run._core.output)
    if run._console is not None:
        run._console.start()
    if settings.capture_loggers:
        from wandbd import _loggers

        _loggers.capture(run, settings.capture_loggers)
    if settings.stop_fn is not None:
        from wandbd import _core_access, _stop

        _core_access.stop_by_function()
        _stop.watch(run, settings.stop_fn)
    if settings._notebook:
        from wandbd._notebook import keep_history

        keep_history(run)
    if settings.save_code and settings.code_dir is not None:
        run.log_code(settings.code_dir)


def _placed(said: Settings, mode: str, terminal: Terminal) -> Settings:
    """The settings with what only `init` can know: the moment, the id, the folder."""
    if mode == "disabled":
        import tempfile

        root = tempfile.gettempdir()
    else:
        root = _writable(os.path.abspath(os.path.expanduser(said.root_dir or os.getcwd())), terminal)
    settings = with_facts(
        said,
        mode=mode,
        root_dir=root,
        x_start_time=said.x_start_time or time.time(),  # the moment that `init` was called
        x_label=_label(said) if mode == "shared" else None,
    )
    run_id = _branching.run_id(settings, terminal) or _random_id()
    settings = with_facts(settings, run_id=run_id)
    number, suffix = 0, settings.x_sync_dir_suffix
    while os.path.exists(settings.sync_dir):
        number += 1
        settings = with_facts(settings, x_sync_dir_suffix=f"{suffix}-{number}".lstrip("-"))
    return settings


def _writable(root: str, terminal: Terminal) -> str:
    """`root`, or the system's temporary folder when nothing can be kept there."""
    try:
        os.makedirs(root, exist_ok=True)
        if os.access(root, os.W_OK | os.R_OK):
            return root
        terminal.warn(f"Path {root} wasn't read/writable", once=True)
    except OSError:
        terminal.warn(f"Unable to create root directory {root}", once=True)
    import tempfile

    fallback = tempfile.gettempdir()
    terminal.warn(f"Falling back to temporary directory {fallback}.", once=True)
    return fallback


def _label(settings: Settings) -> str:
    """What tells this writer of a shared run from the others."""
    return str(settings.x_label or f"{settings.host or os.uname().nodename}-{_random_id()}")


def _facts(settings: Settings, mode: str) -> Facts:
    facts = Facts(mode, settings.sync_dir, settings.x_start_time)
    facts.entity = settings.entity or ""
    facts.project = settings.project or _program.default_project(_program.script(settings), os.getcwd())
    facts.name, facts.notes = settings.run_name, settings.run_notes
    facts.tags = settings.run_tags or ()
    facts.group, facts.job_type = settings.run_group or "", settings.run_job_type or ""
    facts.sweep_id = settings.sweep_id
    return facts


def _server(resolved: Resolved, mode: str) -> dict[str, Any]:
    """Where the run goes. Offline nothing is sent, so that wrong credentials do not matter."""
    where = server(resolved, os.environ, lenient=mode == "offline")
    if resolved.settings.force and mode != "offline" and not _has_credentials(resolved, where):
        from wandbd._login import login

        login(force=True)
        where = server(resolved, os.environ)
    return where


def _has_credentials(resolved: Resolved, where: Mapping[str, Any]) -> bool:
    from wandbd._credentials import DEFAULT_URL, find

    try:
        return bool(find(resolved, os.environ, where["base_url"] or DEFAULT_URL))
    except AuthenticationError:
        return False


def _random_id() -> str:
    return "".join(_ID_LETTERS[byte % len(_ID_LETTERS)] for byte in _random_bytes(ID_LENGTH))


def _random_bytes(count: int) -> list[int]:
    """Random bytes below the largest multiple of the number of letters, so that every letter is as likely."""
    limit = 256 - 256 % len(_ID_LETTERS)
    found: list[int] = []
    while len(found) < count:
        found.extend(byte for byte in os.urandom(count * 2) if byte < limit)
    return found[:count]


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
        again = run.resumed or run._settings.resume_from is not None
        terminal.detail(f"{'Resuming' if again else 'Syncing'} run {run._facts.name}")
    run._announced = True
    speak(run)
