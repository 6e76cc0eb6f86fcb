"""A run, as W&B users know it, over the core's one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandbd import _names, _registry
from wandbd._config import Config, ConfigStatic
from wandbd._facts import ANSWER_S, Facts
from wandbd._run_artifacts import Artifacts
from wandbd._summary import Summary
from wandbd._term import Terminal

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType

    from wandbd._alert import AlertLevel
    from wandbd._console import Capture
    from wandbd._metric import Metric
    from wandbd._settings import Settings
    from wandbd._status import RunStatus
    from wandbd._types import CoreRun, LogCall

__all__ = ["ANSWER_S", "Facts", "Run", "active"]


class Run(Artifacts):
    """A unit of work that is logged: made by `wandbd.init()`, ended by `finish()`.

    `log(data, step=None, commit=None)` adds to the history; it is the core's own method and returns in microseconds.
    """

    __slots__ = ("__weakref__", "_at_end", "_config", "_console", "_restore", "_summary", "log")

    log: LogCall

    def __init__(
        self,
        core: CoreRun,
        settings: Settings,
        facts: Facts,
        config: Mapping[str, Any] | None,
        load: Callable[[], dict[str, Any]] | None = None,
        locked: Mapping[str, str] | None = None,
    ) -> None:
        """Wrap `core`. Not for users: see `wandbd.init`."""
        self._core = core
        self._settings = settings
        self._facts = facts
        self._terminal = Terminal(settings)
        self._config = Config(config, self._send_config, load, bool(settings.allow_val_change), self, locked)
        self._summary = Summary(self._read_summary, self._send_summary, self)
        self._console: Capture | None = None
        self._restore: Callable[[], None] | None = None
        self._at_end: list[Callable[[], None]] = []
        self._finished = False
        self._asked = False
        self._announced = False
        self._told_url = False
        self.log = self._log_shared if facts.mode == "shared" else core.log

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
    def config_static(self) -> ConfigStatic:
        """The config as it is now, which cannot be changed."""
        return ConfigStatic(self._config.as_dict())

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
        if summary and "copy" in summary:
            self._terminal.warn("define_metric(summary='copy') is deprecated and will be removed.", once=True)
        metric = defined(name, step_metric, step_sync, hidden, summary, overwrite)
        self._core.define_metric(
            metric.name,
            step_metric=metric.step_metric,
            step_sync=None if step_sync is None and metric.step_metric is None else metric.step_sync,
            hidden=bool(hidden),
            summary=metric.summary or (),
            overwrite=bool(overwrite),
        )
        self._speak()
        return metric

    # What it says

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Show these keys of the config prominently on the run's page; replaces what was said before."""
        self._check_open("pin_config_keys")
        self._core.config({"_wandb": {"pinned_keys": list(keys)}})

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Send a message to the people who watch the run.

        Args:
            title: Less than 64 characters.
            text: The message.
            level: `INFO` (the default), `WARN` or `ERROR`.
            wait_duration: For how many seconds the same title is not sent again; 60 without it.

        Raises:
            ValueError: There is no such level.
            TypeError: `wait_duration` is no duration.
        """
        from wandbd._alert import level_name, seconds

        self._check_open("alert")
        self._core.alert(str(title), str(text), level_name(level), seconds(wait_duration))

    def mark_preempting(self) -> None:
        """Say that this machine is about to be taken away."""
        self._check_open("mark_preempting")
        self._core.preempting()

    def write_logs(self, text: str) -> None:
        """Add text to the run's console log without printing it. After the end of the run it is ignored."""
        if not self._finished:
            self._core.logs(text if text.endswith("\n") else text + "\n")

    def status(self) -> RunStatus:
        """How much of the run the server has."""
        from wandbd._status import status

        self._check_open("status")
        return status(self)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run's page in a notebook; False when this is none."""
        from wandbd._status import display

        return display(self, height, hidden)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """A frame with the run's page."""
        from wandbd._status import to_html

        return to_html(self, height, hidden)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(hidden=True), "text/plain": repr(self)}

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
        """End the run, with exit code 1 if the block failed; the traceback goes to its console log."""
        if kind is not None and self._console is not None and self.owner:
            import traceback

            # On the terminal Python itself shows it, after the end of the run.
            self._core.output(True, "".join(traceback.format_exception(kind, error, trace)))
        self.finish(exit_code=0 if kind is None else 1)

    # Inside

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

    def _log_shared(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        if step is not None:
            self._terminal.warn(
                "In shared mode the `step` of wandb.log is not supported and will be ignored: log it as a metric and "
                "use define_metric(step_metric=...)",
                once=True,
            )
        self._core.log(data, None, commit)

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

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        """The run itself: there is only one."""
        return self

    def __repr__(self) -> str:
        """The identifier."""
        return f"<wandbd.Run {self.id}{' finished' if self._finished else ''}>"

    def __getattr__(self, name: str) -> Any:
        """W&B's other attributes are not built yet."""
        raise _names.missing("Run", name, _names.RUN)


def active() -> Run | None:
    """The current run of this process, if there is one."""
    return _registry.current()
