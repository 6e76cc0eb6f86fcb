"""What artifacts ask of the server, through the daemon."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd._artifact_errors import ArtifactMissingError
from wandbd._errors import CommError

if TYPE_CHECKING:
    from wandbd._artifact import Artifact
    from wandbd._run import Run

ANSWER_S = 60.0
"""How long one question may take."""
OPEN_S = 10.0
"""How long a daemon may take to hear of a new run."""
SLICE_S = 5.0
"""Waiting without an end is done in pieces, between which the user is told what it waits for."""


def asking(run: Run | None) -> dict[str, Any]:
    """Who asks: the run, or without one this process by its own settings."""
    if run is None:
        from wandbd import _registry

        run = _registry.current()
    if run is not None and not run.disabled:
        if not run._finished:
            run._core.flush(OPEN_S)  # a daemon that has not heard of the run yet cannot ask for it
        return {"session": run.session}
    from wandbd._credentials import server
    from wandbd._setup import here

    return {"server": server(here({}, None), os.environ)}


def get(run: Run | None, timeout_s: float = ANSWER_S, **fields: Any) -> dict[str, Any]:
    """The `wandbd.v1.ArtifactFacts` of a version on the server.

    Raises:
        ArtifactMissingError: There is none.
        CommError: The server did not answer.
    """
    from wandbd._core_access import core

    answer = core().get_artifact({**asking(run), **fields, "timeout_s": timeout_s}, timeout_s + 2.0)
    return found(answer, str(fields.get("name") or fields.get("id") or ""))


def found(answer: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The facts in an answer.

    Raises:
        ArtifactMissingError: There are none.
        ValueError: It was logged here, and given up.
        CommError: The server did not answer, or refused.
    """
    verdict, message = str(answer.get("verdict")), str(answer.get("message") or "")
    facts = answer.get("artifact")
    if verdict == "FOUND" and facts:
        return dict(facts)
    if verdict == "MISSING":
        raise ArtifactMissingError(message or f"artifact {what!r} not found")
    if verdict == "LOST":
        raise ValueError(message)
    raise CommError(message or f"cannot ask for the artifact {what!r}: {verdict.lower()}")


def version_by_id(artifact_id: str, run: Run | None = None) -> Artifact:
    """A version by its id on the server."""
    from wandbd._artifact import Artifact

    return Artifact._of_facts(get(run, id=artifact_id), run)


def version_by_name(name: str, run: Run | None = None, **fields: Any) -> Artifact:
    """A version by its name and version or alias."""
    from wandbd._artifact import Artifact

    artifact = Artifact._of_facts(get(run, name=name, **fields), run)
    alias = name.partition(":")[2]
    if alias:
        artifact._name = f"{artifact.collection.name}:{alias}"  # as it was asked for
    return artifact


def delivered(run: Run, client_id: str, name: str, timeout: float | None) -> dict[str, Any]:
    """Wait until an artifact that was logged here is committed, and return its facts.

    Raises:
        WaitTimeoutError: The time is over.
        ValueError: It was given up, for a reason that is said.
    """
    from wandbd._artifact_errors import WaitTimeoutError
    from wandbd._core_access import core

    end = None if timeout is None else time.monotonic() + timeout
    if not run._finished:
        run._core.flush(ANSWER_S if timeout is None else timeout)
    told = ""
    while True:
        left = SLICE_S if end is None else max(0.0, min(SLICE_S, end - time.monotonic()))
        began = time.monotonic()
        answer = core().get_artifact({"session": run.session, "client_id": client_id, "timeout_s": left}, left + 1.0)
        if answer.get("verdict") not in ("PENDING", "UNREACHABLE", "UNKNOWN"):
            return found(answer, name)
        run._speak()
        if end is not None and time.monotonic() >= end:
            raise WaitTimeoutError(
                "Artifact upload wait timed out, failed to fetch Artifact response"
                + (f": {answer['message']}" if answer.get("message") else "")
            )
        message = str(answer.get("message") or "")
        if message and message != told:
            told = message
            say = run._terminal.detail if answer.get("verdict") == "PENDING" else run._terminal.warn
            say(f"waiting for the upload of {name}: {message}")
        if time.monotonic() - began < left / 2:  # nobody to wait with: the daemon answers a little early
            time.sleep(min(1.0, left))


def change(run: Run | None, **fields: Any) -> dict[str, Any]:
    """Change a version on the server; its facts afterwards.

    Raises:
        CommError: It was refused, or nobody answered.
    """
    from wandbd._core_access import core

    answer = core().change_artifact({**asking(run), **fields}, ANSWER_S)
    if answer.get("verdict") == "FOUND":
        return dict(answer.get("artifact") or {})
    raise CommError(str(answer.get("message") or f"cannot change the artifact: {answer.get('verdict')}"))
