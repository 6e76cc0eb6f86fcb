"""How artifacts are logged, used and linked by a run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wandbd import _artifact_names as names
from wandbd._artifact import Artifact
from wandbd._artifact_server import delivered, get, version_by_name
from wandbd._errors import CommError, UsageError
from wandbd._term import of_current_run

if TYPE_CHECKING:
    from wandbd._run import Run

POLICY = "WANDBD_CHECKPOINTS"
"""What becomes of checkpoints (artifacts of a type with `model` in it) when the network is slower than they are: `all`
are sent, or only the `newest` and the newest best one, or `every:N`: each N-th and the newest."""

ARRIVAL_S = 300.0
"""How long using an artifact by its name waits for versions of it that this process has logged."""
REMEMBERED = 1000
"""Versions that are waited for so, at most."""
_on_their_way: dict[str, tuple[Run, str]] = {}


def log(
    run: Run,
    thing: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Sequence[str] | str | None = None,
    tags: Sequence[str] | str | None = None,
    distributed_id: str = "",
    finalize: bool = True,
    used: bool = False,
) -> Artifact:
    """See `Run.log_artifact`.

    Raises:
        TypeError: `thing` is neither an artifact nor a path.
        ValueError: Something about it cannot be.
    """
    words, marks = names.aliases(aliases), names.tags(tags)
    artifact = of_path(thing, run.id, name, type) if isinstance(thing, (str, os.PathLike)) else thing
    if not isinstance(artifact, Artifact):
        raise TypeError("You must pass an instance of wandb.Artifact or a valid file path to log_artifact")
    artifact._aliases = list(dict.fromkeys([*artifact._aliases, *words])) or ["latest"]
    artifact._tags = list(dict.fromkeys([*artifact._tags, *marks]))
    if artifact._logged_once:
        return _again(run, artifact)
    artifact._distributed_id = distributed_id or artifact._distributed_id
    artifact._final, artifact._run, artifact._logged_once = True, run, True
    if not run.disabled and not artifact._no_room:
        fields = artifact._record(run, finalize, used)
        fields.update(keep=keep(artifact, os.environ.get(POLICY, "")), history_step=_history_step(run))
        if not run._core.log_artifact({field: value for field, value in fields.items() if value is not None}):
            artifact._no_room = "wandbd does not take records now, or the list of its files is longer than 12 MiB"
    if artifact._no_room:
        run._terminal.error(f"artifact {artifact.name} is not logged: {artifact._no_room}")
        artifact._staging.tidy()
    elif not (run.offline or run.disabled):
        _on_their_way[artifact._client_id] = (run, artifact.name)
        while len(_on_their_way) > REMEMBERED:
            del _on_their_way[next(iter(_on_their_way))]
    artifact._handed_over()
    run._speak()
    return artifact


def of_path(path: str | os.PathLike[str], run_id: str, name: str | None, type: str | None) -> Artifact:
    """An artifact with one file, one folder or one reference, named after the run and the path unless `name` is given.

    Raises:
        ValueError: It is none of these, or the name cannot be.
    """
    where = os.fspath(path)
    base = os.path.basename(where.rstrip("/"))
    artifact = Artifact(name or re.sub(r"[^A-Za-z0-9_.-]", "_", f"run-{run_id}-{base}"), type or "unspecified")
    if os.path.isfile(where):
        artifact.add_file(where)
    elif os.path.isdir(where):
        artifact.add_dir(where)
    elif "://" in where:
        artifact.add_reference(where)
    else:
        raise ValueError("path must be a file, directory or external reference like s3://bucket/path")
    return artifact


def _arrived(run: Run, name: str) -> None:
    """Wait for versions of this name that this process has logged: `latest` is to mean the last of them."""
    from wandbd._artifact_errors import WaitTimeoutError

    collection = names.where(name).name.partition(":")[0]
    for client_id, (logger, logged) in list(_on_their_way.items()):
        if logged == collection and logger.project == run.project:
            try:
                delivered(logger, client_id, logged, ARRIVAL_S)
            except (ValueError, CommError, WaitTimeoutError):  # the name still means what the server says
                pass
            _on_their_way.pop(client_id, None)


def _history_step(run: Run) -> int | None:
    return None if run._facts.mode == "shared" else run._core.step or None


def _again(run: Run, artifact: Artifact) -> Artifact:
    """An artifact that was logged before has a version: only its names and tags can be new.

    Raises:
        UsageError: Nobody knows the version, because the run is offline.
    """
    if run.offline or run.disabled:
        if run.disabled:
            return artifact
        raise UsageError(
            f"artifact {artifact.name} is logged already, and an offline run cannot log it again: make a new Artifact"
        )
    wanted, tags = list(artifact._aliases), list(artifact._tags)
    artifact.wait()
    artifact._aliases = list(dict.fromkeys([*artifact._aliases, *wanted, "latest"]))
    artifact._tags = list(dict.fromkeys([*artifact._tags, *tags]))
    artifact.save()
    return artifact


def keep(artifact: Artifact, said: str) -> dict[str, Any] | None:
    """The `wandbd.v1.Artifact.Keep` of a checkpoint by what `WANDBD_CHECKPOINTS` says; None: all are sent."""
    word = said.strip().lower()
    if word in ("", "all") or "model" not in artifact.type.lower():
        return None
    best = artifact._best or "best" in artifact._aliases
    if word == "newest":
        return {"policy": "NEWEST", "best": best}
    every = re.fullmatch(r"every:([1-9]\d{0,8})", word)
    if every is None:
        of_current_run().warn(f"{POLICY}={said!r} should be `all`, `newest` or `every:N`: all are sent", once=True)
        return None
    return {"policy": "EVERY", "every": int(every[1]), "best": best}


def use(
    run: Run, thing: str | Artifact, type: str | None, aliases: Sequence[str] | str | None, use_as: str | None
) -> Artifact:
    """See `Run.use_artifact`."""
    if run.offline:
        raise TypeError("Cannot use artifact when in offline mode.")
    if use_as is not None:
        run._terminal.warn(
            "`use_as` argument is deprecated and does not affect the behaviour of `run.use_artifact`", once=True
        )
    if isinstance(thing, str):
        if not run.disabled:
            _arrived(run, thing)
        artifact = _stand_in(thing, type) if run.disabled else version_by_name(thing, run, use=True, type=type or "")
        if type is not None and type != artifact.type:
            raise ValueError(f"Supplied type {type} does not match type {artifact.type} of artifact {artifact.name}")
        run._speak()
        return artifact
    if not isinstance(thing, Artifact):
        raise ValueError(
            'You must pass an artifact name (e.g. "pedestrian-dataset:v1"), an instance of `wandb.Artifact`, or '
            "`wandb.Api().artifact()` to `use_artifact`"
        )
    if thing.is_draft() and not thing._logged_once:
        run._use_draft(thing, aliases)
    elif not run.disabled:
        thing.wait()
        get(run, id=thing.id, use=True)
    return thing if run.disabled else thing.wait()


def _stand_in(said: str, type: str | None) -> Artifact:
    """What a disabled run uses: an empty artifact."""
    name = names.where(said).name.partition(":")[0]
    return Artifact._of_kind(name, type or "unspecified")


def use_model(run: Run, name: str) -> str:
    """See `Run.use_model`."""
    if run.offline:
        raise RuntimeError("`use_model` not supported in offline mode.")
    artifact = run.use_artifact(name)
    if "model" not in artifact.type.lower():
        raise AssertionError(
            "You can only use this method for 'model' artifacts. For an artifact to be a 'model' artifact, its type "
            "property must contain the substring 'model'."
        )
    folder = artifact.download()
    inside = os.listdir(folder)
    return os.path.join(folder, inside[0]) if len(inside) == 1 else folder


def link(run: Run, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None) -> Artifact:
    """See `Run.link_artifact`."""
    words = names.aliases(aliases)
    target = names.where(target_path)
    if artifact.is_link:
        run._terminal.warn(
            "Linking to a link artifact will result in directly linking to the source artifact of that link artifact."
        )
    if artifact.is_draft() and not artifact._logged_once and not artifact._is_link_to_be:
        run.log_artifact(artifact)
    if artifact._is_link_to_be:
        artifact.wait()
    fields: dict[str, Any] = {"target": str(target), "alias": words}
    if artifact.id is not None:
        fields["artifact_id"] = artifact.id
    else:
        fields["client_id"] = artifact._client_id
    run._core.link(fields)
    artifact._awaited = True
    run._speak()
    if not target.in_registry and not (run.disabled or run.offline):
        entity = target.entity or run.entity
        target = names.Where(entity, target.project or run.project, target.name)
    return artifact._linked(run, target, words)
