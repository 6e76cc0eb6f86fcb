"""Settings that follow from others, by W&B's names: folders of a run, addresses of its pages, its kind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

HOSTED_APP = "https://forge.coreweave.com/wandb"
_HOSTED = ("api.wandb.ai", "forge.coreweave.com", "api.forge.coreweave.com")


def wandb_dir(root: str, hidden: bool | None = None) -> str:
    """Where runs lie below `root`: `.wandb` if that is there or asked for, else `wandb`."""
    path = os.path.join(root, ".wandb")
    use = os.path.exists(path) if hidden is None else hidden
    return path if use else os.path.join(root, "wandb")


def app_url(base_url: str) -> str:
    """The address of the pages of the server at `base_url`."""
    from wandbd._credentials import host_of

    if host_of(base_url) in _HOSTED:
        return HOSTED_APP
    if "://api.wandb." in base_url and "://api.wandb.test" not in base_url:
        return base_url.replace("://api.", "://").rstrip("/")
    return base_url.replace("://api.", "://app.").rstrip("/")


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    if ipython is None or "ipykernel" not in sys.modules:
        return False
    shell = ipython.get_ipython()
    return shell is not None and "terminal" not in type(shell).__module__


def _root(settings: Any) -> str:
    return os.path.abspath(os.path.expanduser(settings.root_dir or os.getcwd()))


def _wandb_dir(settings: Any) -> str:
    return wandb_dir(_root(settings), settings.use_dot_wandb)


def _offline(settings: Any) -> bool:
    return settings.mode in ("offline", "dryrun")


def _timespec(settings: Any) -> str:
    if not settings.x_start_time:
        return ""
    return time.strftime("%Y%m%d_%H%M%S", time.localtime(settings.x_start_time))


def _sync_dir(settings: Any) -> str:
    name = f"{'offline-run' if _offline(settings) else 'run'}-{_timespec(settings)}-{settings.run_id}"
    if settings.x_sync_dir_suffix:
        name += f"-{settings.x_sync_dir_suffix}"
    return os.path.join(_wandb_dir(settings), name)


def _app(settings: Any) -> str:
    from wandbd._credentials import DEFAULT_URL

    return str(settings.app_url_override or app_url(settings.base_url or DEFAULT_URL))


def _project_url(settings: Any) -> str:
    from urllib.parse import quote

    if not settings.entity or not settings.project:
        return ""
    return f"{_app(settings)}/{quote(settings.entity)}/{quote(settings.project)}"


def _below_project(settings: Any, kind: str, name: str | None, safe: str) -> str:
    from urllib.parse import quote

    project = _project_url(settings)
    return f"{project}/{kind}/{quote(name, safe=safe)}" if project and name else ""


COMPUTED: dict[str, Callable[[Any], Any]] = {
    "_jupyter": lambda settings: in_notebook(),
    "_noop": lambda settings: settings.mode == "disabled",
    "_notebook": lambda settings: in_notebook(),
    "_offline": _offline,
    "_shared": lambda settings: settings.mode == "shared",
    "app_url": _app,
    "files_dir": lambda settings: os.path.join(_sync_dir(settings), "files"),
    "is_local": lambda settings: _app(settings) != HOSTED_APP,
    "project_url": _project_url,
    "resume_fname": lambda settings: os.path.join(_wandb_dir(settings), "wandb-resume.json"),
    "run_mode": lambda settings: "offline-run" if _offline(settings) else "run",
    "run_url": lambda settings: _below_project(settings, "runs", settings.run_id, "=+&$@"),
    "settings_workspace": lambda settings: os.path.join(_wandb_dir(settings), "settings"),
    "sweep_url": lambda settings: _below_project(settings, "sweeps", settings.sweep_id, "/"),
    "sync_dir": _sync_dir,
    "sync_file": lambda settings: os.path.join(_sync_dir(settings), f"run-{settings.run_id}.wandb"),
    "timespec": _timespec,
    "wandb_dir": _wandb_dir,
}
"""By name, what to make of the settings."""
