"""Facts about the program that trains: what it is called, with which arguments, where it lies, on whose account."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandbd._settings import Settings

MASK = "***"
_SECRET_NAME = re.compile(r"(?i)(^|[-_])(api[-_]?key|key|token|secret|password|passwd|credentials?|auth)$")
_SECRET_VALUE = re.compile(
    r"(?:[0-9a-fA-F]{40}|local-[A-Za-z0-9_-]{40,}|wandb_v\d_[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|eyJ[A-Za-z0-9_.-]{40,})"
)
_IN_URL = re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)")
_SECRET_MIN = 8
_ROOT_MAX = 64


def masked(args: Sequence[str], key: str = "") -> list[str]:
    """Command line arguments with everything that looks like a key replaced."""
    result: list[str] = []
    hide_next = False
    for arg in args:
        if hide_next and not arg.startswith("-"):
            result.append(MASK if len(arg) >= _SECRET_MIN else arg)
            hide_next = False
            continue
        name, equals, value = arg.partition("=")
        hide_next = not equals and arg.startswith("-") and _SECRET_NAME.search(arg.lstrip("-")) is not None
        if equals and _SECRET_NAME.search(name.lstrip("-")) and len(value) >= _SECRET_MIN:
            result.append(f"{name}={MASK}")
            continue
        shown = arg.replace(key, MASK) if key else arg
        shown = _IN_URL.sub(MASK, shown)
        if _SECRET_VALUE.fullmatch(value if equals else shown):
            shown = f"{name}={MASK}" if equals else MASK
        result.append(shown)
    return result


def script(settings: Settings) -> str:
    """What runs: the `program` setting, the script's path as it was given, or `-m module`; empty when there is none."""
    if settings.program:
        return str(settings.program)
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and getattr(spec, "name", None):
        return f"-m {spec.name}"
    return str(getattr(main, "__file__", "") or "")


def location(settings: Settings, cwd: str) -> str:
    """Absolute path of the script or notebook; empty when there is none."""
    if settings.program_abspath:
        return str(settings.program_abspath)
    program = settings.notebook_name or script(settings)
    if program.startswith("-m "):
        program = str(getattr(sys.modules.get("__main__"), "__file__", "") or "")
    path = os.path.abspath(os.path.join(cwd, program)) if program else ""
    return path if os.path.isfile(path) else ""


def relative(program: str, cwd: str) -> str | None:
    """The script's path below the repository, or the working directory; None when it lies elsewhere."""
    root = git_root(cwd) or cwd
    path = os.path.abspath(os.path.join(cwd, program))
    if not program or not os.path.exists(path):
        return None
    below = os.path.relpath(path, root)
    return None if below.split(os.sep)[0] == ".." else below


def notebook(settings: Settings) -> str:
    """Path of the notebook that runs, as far as it is known."""
    if settings.notebook_name:
        return str(settings.notebook_name)
    if not settings._jupyter:
        return ""
    main = vars(sys.modules["__main__"])
    return str(main.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "")


def slurm() -> dict[str, str]:
    """What Slurm says about the job."""
    before = "SLURM_"
    return {name[len(before) :].lower(): text for name, text in os.environ.items() if name.startswith(before)}


def git_root(start: str) -> str | None:
    """The folder at or above `start` that holds `.git`."""
    folder = os.path.abspath(start)
    for _ in range(_ROOT_MAX):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return None


def default_project(program: str, cwd: str) -> str:
    """The repository's name, followed by the script's folder in it; `uncategorized` outside a repository."""
    root = git_root(cwd)
    if root is None:
        return "uncategorized"
    name = os.path.basename(root)
    if not program or program.startswith("-m "):
        return name
    folder = os.path.dirname(os.path.abspath(os.path.join(cwd, program)))
    if folder != root and not folder.startswith(root + os.sep):
        return name
    below = os.path.relpath(folder, root)
    return name if below == "." else f"{name}-{below}".replace(os.sep, "_")


def _package_path() -> list[str]:
    """Where installed packages lie."""
    return [entry for entry in sys.path if os.path.isabs(entry) and os.path.isdir(entry)]


ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where Kubernetes puts what a pod needs to ask its API server."""


def pod(settings: Settings) -> dict[str, str] | None:
    """The `wandbd.v1.Pod` that this process runs in; None elsewhere, and where the image is known already."""
    names = {
        "host": "KUBERNETES_SERVICE_HOST",
        "port": "KUBERNETES_PORT_443_TCP_PORT",
        "name": "HOSTNAME",
    }
    found = {field: os.environ.get(name, "") for field, name in names.items()}
    known = settings.docker or settings.x_disable_machine_info or settings.x_disable_meta
    if known or not all(found.values()) or not os.path.exists(os.path.join(ACCOUNT, "token")):
        return None
    return {**found, "namespace": os.environ.get("KUBERNETES_NAMESPACE", "default"), "account": ACCOUNT}


def facts(settings: Settings, version: str, cwd: str, key: str) -> dict[str, Any]:
    """The `wandbd.v1.Program` of this process."""
    orig = list(getattr(sys, "orig_argv", sys.argv))
    return {
        "path": script(settings),
        "arg": masked(sys.argv[1:] if sys.argv else orig[1:], key),
        "cwd": cwd,
        "executable": settings.x_executable or sys.executable or "",
        "language_version": ".".join(map(str, sys.version_info[:3])),
        "implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, sys.implementation.name),
        "cli_version": version,
        "package_path": _package_path() if settings.x_save_requirements else [],
        "host": "" if settings.x_disable_machine_info else settings.host or os.uname().nodename,
        "username": settings.username or "",
        "disable_git": bool(settings.disable_git),
        "disable_metadata": bool(settings.x_disable_meta),
        "git_commit": settings.git_commit or "",
        "git_remote_url": settings.git_remote_url or "",
        "docker": settings.docker or "",
        "notebook": notebook(settings),
        "slurm": slurm(),
        "code_path": location(settings, cwd),
        "colab": "google.colab" in sys.modules,
        "disable_machine_info": bool(settings.x_disable_machine_info),
        "root": os.path.abspath(settings.root_dir or cwd),
        "pod": pod(settings),
    }
