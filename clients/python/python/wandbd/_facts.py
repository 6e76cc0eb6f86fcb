"""What a run is: its names, its place, its state. `Run` adds what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wandbd._errors import SettingsError, UsageError

if TYPE_CHECKING:
    from wandbd._settings import Settings
    from wandbd._term import Terminal
    from wandbd._types import CoreRun

ANSWER_S = 2.0
"""How long reading a name, an address or the summary waits for an answer."""


class Facts:
    """What is known about a run without asking anybody."""

    __slots__ = (
        "entity", "folder", "group", "job_type", "mode", "name", "notes", "project", "resume_file", "start_time",
        "sweep_id", "tags",
    )  # fmt: skip

    def __init__(self, mode: str, folder: str, start_time: float) -> None:
        """Start with a run that has no names."""
        self.mode = mode
        self.folder = folder
        self.start_time = start_time
        self.entity = ""
        self.project = ""
        self.name: str | None = None
        self.notes: str | None = None
        self.tags: tuple[str, ...] = ()
        self.group = ""
        self.job_type = ""
        self.sweep_id: str | None = None
        self.resume_file: str | None = None
        """Says which run `resume="auto"` takes up; goes when the run succeeds."""


class Known:
    """The attributes of a run."""

    __slots__ = ("_announced", "_asked", "_core", "_facts", "_finished", "_settings", "_terminal", "_told_url")

    _announced: bool
    _asked: bool
    _core: CoreRun
    _facts: Facts
    _finished: bool
    _settings: Settings
    _terminal: Terminal
    _told_url: bool

    @property
    def id(self) -> str:
        """The identifier, unique in the project."""
        return self._core.run_id

    @property
    def session(self) -> str:
        """The owner's session, by which other processes take part."""
        return self._core.session

    @property
    def owner(self) -> bool:
        """Whether this very process opened the run."""
        return self._core.owner

    @property
    def name(self) -> str | None:
        """The display name; None as long as nobody has given one."""
        if self._facts.name is None and not self._finished:
            return self._answer("display_name") or None
        return self._facts.name or self._known("display_name") or None

    @name.setter
    def name(self, name: str) -> None:
        self._check_open("name")
        self._facts.name = str(name)
        self._core.update(display_name=str(name))

    @property
    def notes(self) -> str | None:
        """The description."""
        return self._facts.notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._check_open("notes")
        self._facts.notes = str(notes)
        self._core.update(notes=str(notes))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags. Wrong ones are a warning, and those that were there stay."""
        return self._facts.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        from wandbd._settings import check

        self._check_open("tags")
        try:
            self._facts.tags = check("run_tags", tags, "`run.tags`") or ()
        except SettingsError as error:
            self._terminal.warn(f"Invalid tag detected: {error} Tags not updated.")
            return
        self._core.update(tags=list(self._facts.tags))

    @property
    def entity(self) -> str:
        """The user or team that the run belongs to; empty as long as the server has not said."""
        if self.disabled:
            return self._facts.entity or "dummy"
        return self._answer("entity") or self._facts.entity

    @property
    def project(self) -> str:
        """The project."""
        return self._facts.project

    @property
    def path(self) -> str:
        """`entity/project/id`, without an entity while none is known."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def url(self) -> str | None:
        """The address of the run's page; None when there is none (yet)."""
        if self.offline:
            self._terminal.warn("URL not available in offline run")
        if self.offline or self.disabled:
            return None
        return self._answer("url") or None

    @property
    def project_url(self) -> str | None:
        """The address of the project's page; None when there is none (yet)."""
        return project_of(self.url)

    @property
    def sweep_id(self) -> str | None:
        """The sweep that the run belongs to, if it does."""
        return self._facts.sweep_id

    @property
    def sweep_url(self) -> str | None:
        """The address of the sweep's page; None when there is none (yet)."""
        if self._facts.sweep_id is None:
            return None
        from urllib.parse import quote

        project = self.project_url
        return f"{project}/sweeps/{quote(self._facts.sweep_id)}" if project else None

    @property
    def dir(self) -> str:
        """The folder for the run's files; made at the first use."""
        path = os.path.join(self._facts.folder, "files")
        os.makedirs(path, exist_ok=True)
        return path

    @property
    def sync_dir(self) -> str:
        """The run's folder."""
        return self._facts.folder

    @property
    def group(self) -> str:
        """The group, or empty."""
        return self._facts.group

    @property
    def job_type(self) -> str:
        """The job type, or empty."""
        return self._facts.job_type

    @property
    def mode(self) -> str:
        """`online`, `offline`, `shared` or `disabled`."""
        return self._facts.mode

    @property
    def offline(self) -> bool:
        """Whether the run stays on disk until somebody syncs it."""
        return self._facts.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether nothing is kept at all."""
        return self._facts.mode == "disabled"

    @property
    def resumed(self) -> bool:
        """Whether the run went on where an earlier one ended."""
        return bool(self._known("resumed"))

    @property
    def start_time(self) -> float:
        """When the run began, in Unix seconds."""
        return self._facts.start_time

    @property
    def step(self) -> int:
        """The number of the next history row.

        Raises:
            UsageError: The run has several writers (mode `shared`), so nobody knows.
        """
        if self._facts.mode == "shared":
            raise UsageError("run.step is not available in shared mode: other writers log rows, too")
        return self._core.step

    @property
    def starting_step(self) -> int:
        """The first step of this part of the run: 0, but for a run that was resumed, forked or rewound."""
        return int(self._known("starting_step") or 0)

    @property
    def settings(self) -> Settings:
        """A copy of the settings in force, with what became known since."""
        from wandbd._settings import with_facts

        facts = self._facts
        return with_facts(
            self._settings,
            entity=facts.entity or self._known("entity") or None,
            mode=facts.mode,
            project=facts.project or None,
            resumed=self.resumed,
            run_group=facts.group or None,
            run_id=self.id,
            run_job_type=facts.job_type or None,
            run_name=facts.name or self._known("display_name") or None,
            run_notes=facts.notes,
            run_tags=facts.tags or None,
            sweep_id=facts.sweep_id,
            x_start_time=facts.start_time,
        )

    # Asking

    def _known(self, key: str) -> Any:
        return self._core.info(0.0).get(key)

    def _answer(self, key: str) -> Any:
        """What the server said; waits for it once, and only once."""
        answer = self._known(key)
        if not answer and not (self._asked or self._finished or self.offline or self.disabled):
            self._asked = True
            self._core.opened(ANSWER_S)
            answer = self._known(key)
        self._speak()
        return answer

    def _check_open(self, what: str) -> None:
        if self._finished:
            raise UsageError(
                f"Run ({self.id}) is finished. The call to `{what}` will be ignored. "
                "Please make sure that you are using an active run."
            )

    def _speak(self) -> None:
        """Say, from the user's thread, what has come up."""
        raise NotImplementedError


def project_of(run_url: str | None) -> str | None:
    """The address of the project's page by that of a run's."""
    return (run_url.rpartition("/runs/")[0] or None) if run_url else None
