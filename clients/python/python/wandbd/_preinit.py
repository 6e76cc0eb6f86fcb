"""What the module's names mean while this process has no run: a child joins its parent's, else they tell what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandbd import _registry
from wandbd._attach import current_or_attached, is_worker
from wandbd._errors import Error

if TYPE_CHECKING:
    from datetime import timedelta

    from wandbd._alert import AlertLevel
    from wandbd._artifact import Artifact
    from wandbd._metric import Metric
    from wandbd._run import Run


def needed(what: str) -> Run:
    """The run to work on.

    Raises:
        Error: There is none.
    """
    run = current_or_attached()
    if run is None:
        raise Error(f"You must call wandb.init() before {what}")
    return run


def run() -> Run | None:
    """The current run or None.

    Only a worker of `multiprocessing` joins its parent's run by asking: a script started as a subprocess that asks,
    in order to call `init` if there is none, wants a run of its own.
    """
    return current_or_attached() if is_worker() else _registry.current()


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Add `data` to the history of the current run; see `Run.log`."""
    needed("wandb.log()").log(data, step, commit, sync)


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    overwrite: bool | None = None,
) -> Metric:
    """Say how a metric of the current run is drawn and summed up; see `Run.define_metric`."""
    return needed("wandb.define_metric()").define_metric(name, step_metric, step_sync, hidden, summary, overwrite)


def log_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Sequence[str] | str | None = None,
    tags: Sequence[str] | str | None = None,
) -> Artifact:
    """Log an artifact by the current run; see `Run.log_artifact`."""
    return needed("wandb.log_artifact()").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: str | Artifact,
    type: str | None = None,
    aliases: Sequence[str] | str | None = None,
    use_as: str | None = None,
) -> Artifact:
    """Say that a version is an input of the current run; see `Run.use_artifact`."""
    return needed("wandb.use_artifact()").use_artifact(artifact_or_name, type, aliases, use_as)


def log_model(
    path: str | os.PathLike[str], name: str | None = None, aliases: Sequence[str] | str | None = None
) -> None:
    """Log a model by the current run; see `Run.log_model`."""
    needed("wandb.log_model()").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """Say that a model is an input of the current run, and bring it here; see `Run.use_model`."""
    return needed("wandb.use_model()").use_model(name)


def link_model(
    path: str | os.PathLike[str],
    registered_model_name: str,
    name: str | None = None,
    aliases: Sequence[str] | str | None = None,
) -> Artifact | None:
    """Log a model by the current run and link it to a registered one; see `Run.link_model`."""
    return needed("wandb.link_model()").link_model(path, registered_model_name, name, aliases)


def log_code(
    root: str | None = ".",
    name: str | None = None,
    include_fn: Callable[..., bool] | None = None,
    exclude_fn: Callable[..., bool] | None = None,
) -> Artifact | None:
    """Log source files by the current run; see `Run.log_code`."""
    return needed("wandb.log_code()").log_code(root, name, include_fn, exclude_fn)


def save(
    glob_str: str | bytes | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    glob: bool = True,
) -> list[str] | bool:
    """Upload files with the current run; see `Run.save`."""
    return needed("wandb.save()").save(glob_str, base_path, policy, glob)


def alert(
    title: str,
    text: str,
    level: str | AlertLevel | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """Send a message to the people who watch the current run; see `Run.alert`."""
    needed("wandb.alert()").alert(title, text, level, wait_duration)


def mark_preempting() -> None:
    """Say that the machine of the current run is about to be taken away; see `Run.mark_preempting`."""
    needed("wandb.mark_preempting()").mark_preempting()


def pin_config_keys(keys: Sequence[str] = ()) -> None:
    """Show config keys of the current run prominently; see `Run.pin_config_keys`."""
    needed("wandb.pin_config_keys()").pin_config_keys(keys)


class Before:
    """`wandbd.config` and `wandbd.summary` before there is a run; as soon as there is one they mean its own."""

    __slots__ = ("_of",)
    _of: str

    def __init__(self, of: str) -> None:
        """Stand for the attribute `of` of the current run."""
        object.__setattr__(self, "_of", of)

    def _real(self, how: str) -> Any:
        return getattr(needed(f"wandb.{self._of}{how}"), self._of)

    def __getattr__(self, key: str) -> Any:
        """As the current run's."""
        if key.startswith("__"):
            raise AttributeError(key)
        return getattr(self._real(f".{key}"), key)

    def __setattr__(self, key: str, value: Any) -> None:
        """As the current run's."""
        setattr(self._real(f".{key}"), key, value)

    def __delattr__(self, key: str) -> None:
        """As the current run's."""
        delattr(self._real(f".{key}"), key)

    def __getitem__(self, key: str) -> Any:
        """As the current run's."""
        return self._real(f"[{key!r}]")[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """As the current run's."""
        self._real(f"[{key!r}]")[key] = value

    def __delitem__(self, key: str) -> None:
        """As the current run's."""
        del self._real(f"[{key!r}]")[key]

    def __contains__(self, key: object) -> bool:
        """As the current run's."""
        return key in self._real(f"[{key!r}]")

    def __iter__(self) -> Any:
        """As the current run's."""
        return iter(self._real(".keys()"))

    def __repr__(self) -> str:
        """What it stands for."""
        return f"<wandbd.{self._of}: call wandbd.init() first>"


_config = Before("config")
_summary = Before("summary")


def lookup(name: str) -> Any:
    """What the module's attribute `name` means now."""
    if name == "run":
        return run()
    current = current_or_attached() if is_worker() else _registry.current()
    if name in ("config", "summary"):
        return getattr(current, name) if current is not None else {"config": _config, "summary": _summary}[name]
    return getattr(current, name) if current is not None else globals()[name]
