"""What a run does with artifacts and files: log, use, link, save."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wandbd._facts import Known

if TYPE_CHECKING:
    from io import TextIOWrapper

    from wandbd._artifact import Artifact
    from wandbd._run import Run


class Artifacts(Known):
    """The part of a run that handles artifacts and files."""

    __slots__ = ()

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Log a version of an artifact, or of one made of a file, a folder or an address.

        Returns at once; the daemon hashes and uploads. The alias `latest` is always added.

        Args:
            artifact_or_path: An `Artifact`, a path on this machine, or an address like `s3://bucket/path`.
            name: Without an `Artifact`: its name; made of the run's id and the path without it.
            type: Without an `Artifact`: its type; `unspecified` without it.
            aliases: More names of this version.
            tags: Words to find it by.

        Raises:
            ValueError: There is no such file, or a name cannot be.
        """
        return self._log_version("log_artifact", artifact_or_path, name, type, aliases, tags)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Log a part of a version that several processes make; one of them ends it by `finish_artifact`.

        Args:
            artifact_or_path: As in `log_artifact`.
            name: As in `log_artifact`.
            type: As in `log_artifact`.
            aliases: As in `log_artifact`.
            distributed_id: What the parts have in common; the run's group without it.

        Raises:
            TypeError: There is neither a group nor a `distributed_id`.
        """
        shared = self._shared_id("upsert", distributed_id)
        more = {"distributed_id": shared, "finalize": False}
        return self._log_version("upsert_artifact", artifact_or_path, name, type, aliases, None, **more)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Log the last part of a version that several processes make; see `upsert_artifact`."""
        shared = self._shared_id("finish", distributed_id)
        return self._log_version("finish_artifact", artifact_or_path, name, type, aliases, None, distributed_id=shared)

    def _shared_id(self, what: str, distributed_id: str | None) -> str:
        if distributed_id is not None:
            return distributed_id
        if not self._facts.group:
            raise TypeError(f"Cannot {what} artifact unless run is in a group or distributed_id is provided")
        return self._facts.group

    def _log_version(self, what: str, thing: Any, *said: Any, **more: Any) -> Artifact:
        from wandbd._artifact_log import log

        self._check_open(what)
        return log(self._whole(), thing, *said, **more)

    def _whole(self) -> Run:
        run: Any = self
        return run  # type: ignore[no-any-return]

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Say that a version is an input of this run.

        Args:
            artifact_or_name: `[[entity/]project/]name:version` or `:alias`; or an `Artifact`, which is logged first if
                it has no version yet.
            type: What its type has to be.
            aliases: More names of a version that is logged by this.
            use_as: Old; has no effect.

        Returns:
            The version; see `Artifact.download`.

        Raises:
            TypeError: The run is offline.
            ValueError: There is no such version, or it is of another type.
            CommError: The server did not answer.
        """
        from wandbd._artifact_log import use

        self._check_open("use_artifact")
        return use(self._whole(), artifact_or_name, type, aliases, use_as)

    def _use_draft(self, artifact: Artifact, aliases: Sequence[str] | str | None = None) -> Artifact:
        """Log an artifact as an input of this run and not as its output; waits for nothing."""
        return self._log_version("use_artifact", artifact, None, None, aliases, None, used=True)

    def log_model(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: Sequence[str] | str | None = None,
    ) -> None:
        """Log a file or folder as a version of a model.

        Args:
            path: As in `log_artifact`.
            name: Its name; made of the run's id and the path without it.
            aliases: More names of this version.

        Raises:
            ValueError: There is no such file, or a name cannot be.
        """
        self._log_version("log_model", path, name, "model", aliases, None)

    def use_model(self, name: str) -> str:
        """Say that a model is an input of this run, and bring its files to this machine.

        Args:
            name: `[[entity/]project/]name:version` or `:alias`.

        Returns:
            The folder; of a model with a single file that file.

        Raises:
            RuntimeError: The run is offline.
            AssertionError: It is no model.
        """
        from wandbd._artifact_log import use_model

        self._check_open("use_model")
        return use_model(self._whole(), name)

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None = None
    ) -> Artifact:
        """Let a version appear in another collection as well, as soon as it is on the server.

        Args:
            artifact: Logged first, if it has not been.
            target_path: `[[entity/]project/]collection`, or `wandb-registry-<name>/<collection>`.
            aliases: In that collection.

        Returns:
            The version in that collection; what only the server knows of it is waited for when it is asked for.
        """
        from wandbd._artifact_log import link

        self._check_open("link_artifact")
        return link(self._whole(), artifact, target_path, aliases)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | str | None = None,
    ) -> Artifact | None:
        """Log a file or folder as a version of a model, and link it to a registered model.

        Args:
            path: As in `log_artifact`.
            registered_model_name: In the project `model-registry` of the run's entity.
            name: Of the model; made of the run's id and the path without it.
            aliases: In the registry.

        Raises:
            AssertionError: `registered_model_name` is a path.
        """
        from wandbd._artifact_log import link

        self._check_open("link_model")
        if "/" in registered_model_name:
            raise AssertionError(
                "Please provide only the name of the registered model. Do not append the entity or project name."
            )
        artifact = self._log_version("link_model", path, name, "model", None, None)
        return link(self._whole(), artifact, f"model-registry/{registered_model_name}", aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the source files below `root` as an artifact of type `code`.

        Args:
            root: The folder.
            name: Of the artifact; made of the project and the script without it.
            include_fn: Takes a path (and the root) and says whether it is wanted: without it Python files, Dockerfiles
                and requirements.txt.
            exclude_fn: The same for files to leave out: without it those of runs.

        Returns:
            The artifact; None when there are no such files.
        """
        from wandbd._files import log_code

        self._check_open("log_code")
        return None if self.disabled else log_code(self._whole(), root, name, include_fn, exclude_fn)

    def save(
        self,
        glob_str: str | bytes | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str] | bool:
        """Upload files with the run, under their paths below `base_path` or the working directory.

        Args:
            glob_str: A path or a pattern, expanded now.
            base_path: What to leave out at the beginning of the paths. Without it an absolute path keeps one folder.
            policy: `live`: whenever it changes, and at the end; `now`: once; `end`: at the end.
            glob: Whether `glob_str` is a pattern.

        Returns:
            The files' places in the run's folder; False in a disabled run.

        Raises:
            ValueError: The policy or the path cannot be.
        """
        from wandbd._files import save

        self._check_open("save")
        return save(self._whole(), glob_str, base_path, policy, glob)

    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
    ) -> TextIOWrapper | None:
        """Fetch a file of this or another run from the server; see `wandbd.restore`."""
        from wandbd._files import restore

        return None if self.disabled else restore(name, run_path, replace, root or self.dir, self._whole())
