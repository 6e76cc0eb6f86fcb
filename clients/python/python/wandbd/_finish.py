"""The end of a run: what is waited for, and what is said about it.

`finish` waits until the run is on the daemon's disk (`ack`) or until the server has it (`delivered`). `WANDBD_FINISH`
says which; the default is `ack`, and `delivered` where the machine goes away with the job, and the daemon with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd import _registry
from wandbd._facts import project_of

if TYPE_CHECKING:
    from wandbd._run import Run

ACK_S = 5.0
DELIVERED_S = 300.0
_FLEETING = ("KUBERNETES_SERVICE_HOST", "SLURM_JOB_ID", "CI")
_INIT = frozenset(["systemd", "init", "launchd", "runit", "s6-svscan", "openrc-init", "upstart"])
_STATES = ("", "LIVE", "FINISHING", "WAITING", "PARKED", "DELIVERED", "OFFLINE")


def state(info: Mapping[str, Any]) -> str:
    """The state of a run by its name in the contract."""
    value = info.get("state", 0)
    if isinstance(value, int):
        return _STATES[value] if 0 <= value < len(_STATES) else ""
    return str(value)


def wait_mode(environ: Mapping[str, str], offline: bool = False) -> str:
    """`ack` or `delivered`."""
    if offline:
        return "ack"
    said = environ.get("WANDBD_FINISH", "").strip().lower()
    if said in ("ack", "delivered"):
        return said
    return "delivered" if any(environ.get(name) for name in _FLEETING) or _dies_with_us() else "ack"


def _dies_with_us() -> bool:
    """Whether we are the first process of a container, or the child of one that is no init."""
    if os.getpid() == 1:
        return True
    if os.getppid() != 1:
        return False
    try:
        with open("/proc/1/comm", encoding="utf-8") as file:
            return file.read().strip() not in _INIT
    except OSError:
        return False


def finish(run: Run, exit_code: int | None, quiet: bool | None) -> None:
    """End `run` as its owner, or leave it as a process that took part."""
    if run._finished:
        return
    if not run.owner:
        leave(run)
        return
    for undo in run._at_end:
        undo()
    if run._console is not None:
        run._console.stop()
    if quiet is not None:
        run._terminal.quiet = quiet
    code = int(exit_code or 0)
    if code == 0 and run._facts.resume_file is not None and os.path.exists(run._facts.resume_file):
        os.remove(run._facts.resume_file)
    result = _wait(run, code)
    _close(run)
    if not run.disabled:
        _tell(run, result)
    if result.get("outcome") == "timeout" and run.settings.finish_timeout_raises:
        raise TimeoutError(f"run {run.id} was not uploaded within {run.settings.finish_timeout:g} s")


def leave(run: Run) -> None:
    """Say goodbye to a run that goes on without this process."""
    if run._finished:
        return
    try:
        run._core.finish(0, "ack", ACK_S)
    except KeyboardInterrupt:  # a worker that is told to go leaves without a word
        pass
    _close(run)


def _close(run: Run) -> None:
    run._finished = True
    run.log = run._log_after_finish
    _registry.remove(run)
    if run._restore is not None:
        run._restore()
        run._restore = None


def _wait(run: Run, code: int) -> dict[str, Any]:
    wait = wait_mode(os.environ, run.offline or run.disabled)
    limit = (run.settings.finish_timeout or DELIVERED_S) if wait == "delivered" else ACK_S

    shown = wait == "delivered"

    def tick(info: dict[str, Any]) -> None:
        rows, sent = info.get("rows", 0), info.get("rows_delivered", 0)
        cause = f": {info['cause']}" if info.get("cause") else ""
        run._terminal.progress(f"uploading, {sent} of {rows} rows sent{cause} (Ctrl-C leaves the rest to wandbd)")

    def busy(info: dict[str, Any]) -> None:
        nonlocal shown
        if info.get("cause"):
            shown = True
            run._terminal.progress(f"waiting for wandbd: {info['cause']}")

    try:
        return run._core.finish(code, wait, limit, tick if wait == "delivered" else busy)
    except KeyboardInterrupt:
        return {"outcome": "left", "run": run._core.info(0.0)}
    finally:
        if shown:
            run._terminal.end_progress()


def speak(run: Run) -> None:
    """Say the page's address when it has become known, and what the core has to say."""
    url = run._core.info(0.0).get("url")
    if url and not run._told_url and not run._finished:
        run._told_url = True
        if (project := project_of(url)) is not None:
            run._terminal.detail(f"View project at {project}")
        run._terminal.info(f"View run at {url}")
    messages(run)


def messages(run: Run) -> None:
    """Pass on the core's lines."""
    if run.disabled:
        return
    from wandbd._core_access import core

    for line in core().messages():
        run._terminal.warn(line)


def _tell(run: Run, result: Mapping[str, Any]) -> None:
    """The last lines: what is where, and what a person can do."""
    terminal = run._terminal
    messages(run)
    if run._core.stopped:
        terminal.info("The run was stopped on its page")
    info: Mapping[str, Any] = result.get("run") or {}
    outcome = str(result.get("outcome", ""))
    lost, dropped = int(result.get("lost_rows") or 0), int(result.get("dropped_rows") or 0)
    if dropped:
        terminal.warn(f"{dropped} history rows were dropped while wandbd did not take them; the page shows the gap")
    if lost:
        terminal.error(f"{lost} history rows could not be saved")
    elif outcome == "lost":
        terminal.error("wandbd did not accept the run, so what was logged is not kept")
    elif outcome == "spilled":
        terminal.warn("wandbd did not answer: the run is saved on this disk, and the next wandbd that starts sends it")
    if run.offline or state(info) == "OFFLINE":
        terminal.info("You can sync this run to the cloud by running:")
        terminal.info(f"wandbd sync {run.sync_dir}")
        return
    name = info.get("display_name") or run._facts.name or run.id
    if info.get("url"):
        terminal.info(f"View run {name} at: {info['url']}")
    if outcome in ("acked", "timeout", "left", ""):
        _tell_rest(run, info, outcome)


def _tell_rest(run: Run, info: Mapping[str, Any], outcome: str) -> None:
    terminal = run._terminal
    if info.get("cause"):
        terminal.warn(f"Not uploaded yet: {info['cause']}")
    elif outcome == "timeout":
        terminal.warn("Not uploaded yet: the time for it is over. wandbd goes on; see `wandbd status`")
    elif not info.get("url"):
        terminal.info("The run is saved; wandbd uploads it when the server answers: see `wandbd status`")
    elif state(info) != "DELIVERED":
        terminal.detail("The run is saved; wandbd uploads the rest in the background")


def finish_current(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one.

    Args:
        exit_code: 0 or None for success.
        quiet: Whether to say less. Old; use the setting.
    """
    run = _registry.current()
    if run is not None:
        run.finish(exit_code, quiet)
