"""Runs that go on where another part ended: resumed, forked and rewound ones.

`resume="must"` and `"never"`, `resume_from` and `fork_from` are questions that only the server can answer: `init` waits
for it up to the init timeout. `allow` and `auto` wait five seconds; then the run goes on, and the daemon joins it with
its earlier part when the server answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandbd._errors import CommError, UsageError

if TYPE_CHECKING:
    from wandbd._run import Run
    from wandbd._settings import Settings
    from wandbd._shapes import Moment
    from wandbd._term import Terminal

ALLOW_S = 5.0
"""How long `resume="allow"` waits for the server."""
_ACK_S = 5.0


def run_id(settings: Settings, terminal: Terminal) -> str | None:
    """The id that the run has to have, if it is not a new one: said, to rewind, or that of the last failed run."""
    said: str | None = settings.run_id
    if settings.resume == "auto":
        before = _last_failed(settings.resume_fname)
        if before and said is None:
            return before
        if before and said != before:
            terminal.warn(f"Ignoring ID {before} loaded due to resume='auto' because the run ID is set to {said}.")
    if said is None and settings.resume_from is not None:
        return str(settings.resume_from.run)
    return said


def remember(settings: Settings, run: str) -> str | None:
    """For `resume="auto"`: keep the id until the run has succeeded. Otherwise forget what an earlier run kept."""
    path: str = settings.resume_fname
    if settings.resume == "auto":
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"run_id": run}, file)
        return path
    if not settings.resume and os.path.exists(path):
        os.remove(path)
    return path


def _last_failed(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    said = found.get("run_id") if isinstance(found, dict) else None
    return said if isinstance(said, str) else None


def branch(moment: Moment | None) -> dict[str, Any] | None:
    """The `wandbd.v1.Branch` of a moment."""
    return None if moment is None else {"run_id": moment.run, "step": int(moment.value)}


def settle(run: Run, settings: Settings, base_url: str) -> None:
    """Wait for what the server says about the earlier part of the run, and take it over.

    Raises:
        UsageError: The server has the run in a state that does not fit what was asked for.
        CommError: The server did not answer, and without it nobody knows.
    """
    asked = [name for name in ("resume", "fork_from", "resume_from") if getattr(settings, name) is not None]
    if not asked or run.offline or run.disabled:
        return
    must_know = settings.resume not in ("allow", "auto")
    limit = float(settings.init_timeout) if must_know else ALLOW_S
    server = base_url or "the server"
    try:
        answer = run._core.opened(limit)
    except BaseException:  # Ctrl-C
        _give_up(run)
        raise
    if answer is not None and answer.get("error"):
        _give_up(run)
        raise UsageError(str(answer["error"]))
    if answer is not None and answer.get("opened", True):
        _take_over(run, answer)
    elif must_know:
        _give_up(run)
        said = f"{asked[0]}={settings.resume!r}" if asked[0] == "resume" else asked[0]
        cause = (run._core.info(0.0).get("cause") or "").strip()
        raise CommError(
            f"{server} did not answer within {limit:g} s, and {said} needs its answer{f' ({cause})' if cause else ''}. "
            "See `wandbd status`; WANDB_INIT_TIMEOUT says how long to wait."
        )
    else:
        run._terminal.warn(
            f"{server} did not answer within {limit:g} s: the run goes on, and is joined with its earlier part later"
        )


def _give_up(run: Run) -> None:
    """End what was opened; nothing was logged."""
    run._finished = True
    run._core.give_up()
    run._core.finish(1, "ack", _ACK_S)


def _take_over(run: Run, answer: Mapping[str, Any]) -> None:
    """What the server has of the run counts where this part of it says nothing."""
    from wandbd._facts import ANSWER_S

    facts = run._facts
    facts.name = answer.get("display_name") or facts.name
    facts.notes = facts.notes or answer.get("notes") or None
    facts.tags = facts.tags or tuple(answer.get("tag") or ())
    facts.group = facts.group or answer.get("group") or ""
    facts.job_type = facts.job_type or answer.get("job_type") or ""
    facts.sweep_id = facts.sweep_id or answer.get("sweep_id") or None
    if answer.get("resumed") or answer.get("starting_step"):
        whole = run._core.fetch(ANSWER_S) or {}
        values = json.loads(whole.get("config_json") or "{}")
        run._config._inherit({key: value for key, value in values.items() if key != "_wandb"})
