"""A run, as W&B users know it, over the core's one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandbd import _names, _registry
from wandbd._config import Config
from wandbd._errors import UnsupportedError, UsageError
from wandbd._summary import Summary
from wandbd._term import Terminal

if TYPE_CHECKING:
    from types import TracebackType

    from wandbd._artifact import Artifact
    from wandbd._console import Console
    from wandbd._metric import Metric
    from wandbd._settings import Settings
    from wandbd._types import CoreRun, LogCall

ANSWER_S = 2.0
"""How long reading a name, an address or the summary waits for an answer."""


class Facts:
    """What is known about a run without asking anybody."""

    __slots__ = ("entity", "folder", "group", "job_type", "mode", "name", "notes", "project", "start_time", "tags")

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


class Run:
    """A unit of work that is logged: made by `wandbd.init()`, ended by `finish()`.

    `log(data, step=None, commit=None)` adds to the history; it is the core's own method and returns in microseconds.
    """

    __slots__ = (
        "__weakref__",
        "_announced",
        "_asked",
        "_config",
        "_console",
        "_core",
        "_facts",
        "_finished",
        "_restore",
        "_settings",
        "_summary",
        "_terminal",
        "_told_url",
        "log",
    )

    log: LogCall

    def __init__(
        self,
        core: CoreRun,
        settings: Settings,
        facts: Facts,
        config: Mapping[str, Any] | None,
        load: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Wrap `core`. Not for users: see `wandbd.init`."""
        self._core = core
        self._settings = settings
        self._facts = facts
        self._terminal = Terminal(settings)
        self._config = Config(config, self._send_config, load, bool(settings.allow_val_change), self)
        self._summary = Summary(self._read_summary, self._send_summary, self)
        self._console: Console | None = None
        self._restore: Callable[[], None] | None = None
        self._finished = False
        self._asked = False
        self._announced = False
        self._told_url = False
        self.log = core.log

    # What it is

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
        """The tags."""
        return self._facts.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        from wandbd._settings import check

        self._check_open("tags")
        self._facts.tags = check("run_tags", tags, "`run.tags`") or ()
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
        url = self.url
        return url.rpartition("/runs/")[0] or None if url else None

    @property
    def sweep_id(self) -> None:
        """None: sweeps are not provided yet."""
        return None

    @property
    def sweep_url(self) -> None:
        """None: sweeps are not provided yet."""
        return None

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
        """`online`, `offline` or `disabled`."""
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
        """The number of the next history row."""
        return self._core.step

    @property
    def starting_step(self) -> int:
        """The first step: 0, as runs are not resumed yet."""
        return 0

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    # What it holds

    @property
    def config(self) -> Config:
        """What the run was made with."""
        self._speak()
        return self._config

    @config.setter
    def config(self, values: Mapping[str, Any]) -> None:
        self._config.update(values)

    @property
    def summary(self) -> Summary:
        """The run's last or best values."""
        self._speak()
        return self._summary

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric is drawn and summed up.

        Args:
            name: The metric, or a family with `*` at the end.
            step_metric: The metric on its x axis.
            step_sync: Whether the x value is filled in where a row lacks it; on by default with a `step_metric`.
            hidden: Whether to leave it out of automatic charts.
            summary: Comma-separated words of min, max, mean, first, last, none, copy.
            overwrite: Whether to replace earlier definitions instead of adding to them.

        Raises:
            Error: One of the arguments is wrong.
        """
        from wandbd._metric import defined

        self._check_open("define_metric")
        metric = defined(name, step_metric, step_sync, hidden, summary, overwrite)
        self._core.define_metric(
            metric.name,
            step_metric=metric.step_metric,
            step_sync=metric.step_sync,
            hidden=bool(hidden),
            summary=metric.summary,
            overwrite=bool(overwrite),
        )
        self._speak()
        return metric

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Log a version of an artifact, or of one made of a file or folder.

        Returns at once; the daemon hashes and uploads. The alias `latest` is always added.

        Raises:
            ValueError: There is no such file, or a name cannot be.
        """
        import json

        from wandbd._artifact import Artifact, checked_aliases, of_path
        from wandbd._values import config_value, strict

        self._check_open("log_artifact")
        if tags:
            raise UnsupportedError("wandbd does not provide the argument `tags` of log_artifact yet")
        words = checked_aliases(aliases)
        artifact = (
            artifact_or_path
            if isinstance(artifact_or_path, Artifact)
            else of_path(artifact_or_path, self.id, name, type)
        )
        artifact.aliases = list(dict.fromkeys([*artifact.aliases, *words])) or ["latest"]
        self._core.log_artifact(
            artifact.name,
            artifact.type,
            artifact.description or "",
            json.dumps(strict(config_value(artifact.metadata))) if artifact.metadata else "",
            artifact.aliases,
            artifact._take_files(),
        )
        self._speak()
        return artifact

    # Its end

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run; in a process that only takes part, leave it.

        Args:
            exit_code: 0 or None for success.
            quiet: Whether to say less. Old; use the setting.
        """
        from wandbd._finish import finish

        finish(self, exit_code, quiet)

    def __enter__(self) -> Run:
        """The run itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run, with exit code 1 if the block failed."""
        self.finish(exit_code=0 if kind is None else 1)

    # Inside

    def _known(self, key: str) -> Any:
        return self._core.info(0.0).get(key)

    def _answer(self, key: str) -> Any:
        """What the server said; waits for it once, and only once."""
        wait = 0.0 if self._asked or self._finished or self.offline or self.disabled else ANSWER_S
        answer = self._core.info(wait).get(key)
        self._asked = True
        self._speak()
        return answer

    def _send_config(self, update: Mapping[str, Any]) -> None:
        self._check_open("config")
        self._core.config(update)

    def _send_summary(self, update: Mapping[str, Any], remove: list[list[str]]) -> None:
        self._check_open("summary")
        self._core.summary(update, remove)

    def _read_summary(self) -> dict[str, Any]:
        if self.disabled:
            return self._core.values()
        run = self._core.fetch(ANSWER_S)
        if run is None:
            self._terminal.warn(
                f"wandbd did not answer within {ANSWER_S:g} s: the summary shows what this process logged", once=True
            )
            return self._core.values()
        import json

        values = json.loads(run.get("summary_json") or "{}")
        return values if isinstance(values, dict) else {}

    def _check_open(self, what: str) -> None:
        if self._finished:
            raise UsageError(
                f"Run ({self.id}) is finished. The call to `{what}` will be ignored. "
                "Please make sure that you are using an active run."
            )

    def _log_after_finish(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        self._check_open("log")

    def _speak(self) -> None:
        """Say, from the user's thread, what has come up: once the address of the page, and the core's messages."""
        if self._announced and self.owner:
            from wandbd._finish import speak

            speak(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as a reference, so that a worker process takes part in the same run."""
        from wandbd import _attach

        return _attach.take_part, (_attach.reference(self),)

    def __repr__(self) -> str:
        """The identifier."""
        return f"<wandbd.Run {self.id}{' finished' if self._finished else ''}>"

    def __getattr__(self, name: str) -> Any:
        """W&B's other attributes are not built yet."""
        raise _names.missing("Run", name, _names.RUN)


def active() -> Run | None:
    """The current run of this process, if there is one."""
    return _registry.current()
