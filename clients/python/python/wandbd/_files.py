"""Files of a run: those that a script hands over, those that it fetches back, and its source code."""

from __future__ import annotations

import glob as globs
import inspect
import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wandbd._errors import CommError

if TYPE_CHECKING:
    from io import TextIOWrapper

    from wandbd._artifact import Artifact
    from wandbd._run import Run

POLICIES = ("live", "end", "now")
RESTORE_S = 120.0
"""How long fetching one file may take."""
_ELSEWHERE = ("gs://", "s3://")
_NAME_MAX = 128


def save(
    run: Run,
    glob_str: str | bytes | os.PathLike[str],
    base_path: str | os.PathLike[str] | None,
    policy: str,
    glob: bool,
) -> list[str] | bool:
    """See `Run.save`."""
    if run.disabled:
        return False
    pattern = glob_str.decode("utf-8") if isinstance(glob_str, bytes) else os.fspath(glob_str)
    if pattern.startswith(_ELSEWHERE):
        run._terminal.info(f"{pattern} is a cloud storage url, can't save file to W&B.")
        return []
    if policy not in POLICIES:
        raise ValueError('Only "live", "end" and "now" policies are currently supported.')
    path = os.path.abspath(pattern)
    base = _base(run, pattern, base_path)
    relative = _below(path, base)
    sources = sorted(globs.glob(path)) if glob else [path] if os.path.lexists(path) else []
    folder = run.dir
    taken: dict[str, dict[str, str]] = {}
    for source in sources:
        name = os.path.relpath(source, base)
        place = _place(run, source, os.path.join(folder, name))
        # A copy does not change any more, so there is nothing to watch.
        one = "now" if policy == "live" and place == "copy" else policy
        kept = os.path.join(folder, name) if place == "copy" else source
        taken.setdefault(one, {})[name.replace(os.sep, "/")] = kept
    _there_already(folder, relative, glob, policy, taken)
    for one, files in taken.items():
        run._core.save([file for file in sorted(files.items()) if not os.path.isdir(file[1])], one)
    run._speak()
    if not taken:
        run._terminal.warn(f"No files to save at {pattern!r}", once=True)
    return sorted(os.path.join(folder, name) for files in taken.values() for name in files)


def _base(run: Run, pattern: str, base_path: str | os.PathLike[str] | None) -> str:
    if base_path is not None:
        return os.path.abspath(base_path)
    if not os.path.isabs(pattern):
        return os.getcwd()
    run._terminal.warn(
        "Saving files without folders. If you want to preserve subdirectories pass base_path to wandb.save, i.e. "
        'wandb.save("/mnt/folder/file.h5", base_path="/mnt")',
        once=True,
    )
    return os.path.dirname(os.path.dirname(os.path.abspath(pattern)))


def _below(path: str, base: str) -> str:
    if path == base:
        raise ValueError("Glob cannot be the same as the base path")
    relative = os.path.relpath(path, base)
    if relative.split(os.sep)[0] == "..":
        raise ValueError("Glob may not walk above the base path")
    if relative.split(os.sep)[0] == "*":
        raise ValueError("Glob may not start with '*' relative to the base path")
    return relative


def _place(run: Run, source: str, target: str) -> str:
    """Make `target` stand for `source`: a link, or a copy where that is asked for or links cannot be made."""
    if os.path.exists(target) and os.path.samefile(source, target):
        return "link"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        shutil.rmtree(target) if os.path.isdir(target) and not os.path.islink(target) else os.unlink(target)
    ways: list[tuple[str, Callable[..., Any]]] = [("link", os.link), ("copy", _copy)]
    if run._settings.symlink:
        ways.insert(0, ("link", os.symlink))
    for name, way in ways[:-1]:
        try:
            way(source, target)
            return name
        except OSError:  # another file system, a folder, or one without links
            continue
    _copy(source, target)
    return "copy"


def _copy(source: str, target: str) -> None:
    (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, target)


def _there_already(folder: str, relative: str, glob: bool, policy: str, taken: dict[str, dict[str, str]]) -> None:
    """Files that somebody has put into the run's folder by hand are saved by their place there."""
    path = os.path.join(folder, relative)
    for found in sorted(globs.glob(path)) if glob else [path] if os.path.lexists(path) else []:
        name = os.path.relpath(found, folder).replace(os.sep, "/")
        if not any(name in files for files in taken.values()):
            taken.setdefault(policy, {})[name] = found


def restore_file(
    name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
) -> TextIOWrapper | None:
    """Fetch a file of a run from its server.

    Args:
        name: Its path below the run's files.
        run_path: `entity/project/id`; the current run without it.
        replace: Whether to fetch it although it is there already.
        root: The folder to put it in; that of the current run, or the working directory.

    Returns:
        The file, open for reading; None in a disabled run.

    Raises:
        CommError: The server could not be asked.
        ValueError: There is no such file, or no run.
    """
    from wandbd import _registry

    run = _registry.current()
    if run is not None and run.disabled:
        run = None if run_path is not None else run
        if run is not None:
            return None
    if run_path is None and run is None:
        raise ValueError("run_path required when calling wandb.restore before wandb.init")
    return restore(name, run_path, replace, root or (run.dir if run is not None else os.getcwd()), run)


def restore(name: str, run_path: str | None, replace: bool, root: str, run: Run | None) -> TextIOWrapper | None:
    """See `restore_file`; `run` is the one to take the file from when no path is said."""
    from wandbd._core_access import core
    from wandbd._credentials import server
    from wandbd._setup import here

    target = os.path.abspath(os.path.join(root, name))
    if os.path.exists(target) and not replace:
        return open(target, encoding="utf-8")
    if run_path is None and run is not None:
        answer = core().restore(None, run.session, "", name, target, RESTORE_S)
        run_path = run.path
    else:
        where = server(here({}, None), os.environ)
        answer = core().restore(where, "", run_path or "", name, target, RESTORE_S)
    if answer.get("found"):
        return open(target, encoding="utf-8")
    message = answer.get("message") or ""
    if not message or re.search(r"(?i)not found|no (such )?file|has no", message):
        raise ValueError(f"File {name} not found in {run_path or root}.")
    raise CommError(f"cannot restore {name} of {run_path}: {message}")


def log_code(
    run: Run,
    root: str | None,
    name: str | None,
    include_fn: Callable[..., bool] | None,
    exclude_fn: Callable[..., bool] | None,
) -> Artifact | None:
    """See `Run.log_code`."""
    from wandbd._artifact import Artifact

    base = os.path.abspath(root) if root is not None else None
    files = list(_sources(base, include_fn or _is_source, exclude_fn or _is_of_runs)) if base is not None else []
    if base is None or not files:
        run._terminal.warn(
            "No relevant files were detected in the specified directory. No code will be logged to your run."
        )
        return None
    artifact = Artifact._of_kind(name or _code_name(run), "code")
    for path in files:
        artifact.add_file(path, os.path.relpath(path, base))
    run.log_artifact(artifact)
    run._core.config({"_wandb": {"code_path": artifact.name}})
    return artifact


def _sources(root: str, include: Callable[..., bool], exclude: Callable[..., bool]) -> Iterator[str]:
    wanted, unwanted = _with_root(include, root), _with_root(exclude, root)
    for parent, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(parent, file)
            if wanted(path) and not unwanted(path):
                yield path


def _with_root(decide: Callable[..., bool], root: str) -> Callable[[str], bool]:
    """Both forms of a decision: of a path, and of a path and the root."""
    two = len(inspect.signature(decide).parameters) == 2
    return lambda path: bool(decide(path, root) if two else decide(path))


def _is_source(path: str) -> bool:
    name = os.path.basename(path)
    return name.endswith(".py") or name.startswith("Dockerfile") or name == "requirements.txt"


def _is_of_runs(path: str, root: str) -> bool:
    return os.path.relpath(path, root).split(os.sep)[0] in ("wandb", ".wandb")


def _code_name(run: Run) -> str:
    from wandbd import _program

    where = run._settings.notebook_name or _program.relative(_program.script(run._settings), os.getcwd())
    name = re.sub(r"[^a-zA-Z0-9_\-.]", "_", f"source-{run.project}-{where}")
    half = (_NAME_MAX - 2) // 2
    return name if len(name) <= _NAME_MAX else f"{name[:half]}..{name[-half:]}"
