"""Artifacts: versions of things made of files, objects and references."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from wandbd import _artifact_names as names
from wandbd._artifact_entry import ArtifactManifest, ArtifactManifestEntry
from wandbd._artifact_errors import ArtifactNotLoggedError
from wandbd._artifact_facts import TTL_NEVER, Collection
from wandbd._artifact_files import Files
from wandbd._artifact_server import change, delivered, get
from wandbd._artifact_staging import Staging
from wandbd._errors import CommError, UsageError

if TYPE_CHECKING:
    from wandbd._run import Run
    from wandbd._settings import Settings

__all__ = ["Artifact", "ArtifactManifest", "ArtifactManifestEntry", "Collection"]

ID_LENGTH = 128
_LETTERS = (b"0123456789abcdefghijklmnopqrstuvwxyz" * 8)[:256]
LINK_S = 60.0
"""How long an attribute of a linked version waits until the link is there."""

_by_client_id: WeakValueDictionary[str, Artifact] = WeakValueDictionary()


class Artifact(Files):
    """A version of something made of files, objects and references, to be logged by a run, or one of the server.

    What is added is kept as it is at that moment. `log_artifact` returns at once: the daemon hashes and uploads. What
    only the server knows (`version`, `id`, `url`, ...) is there after `wait()`.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str = "MD5",
    ) -> None:
        """An artifact without content.

        Args:
            name: Of the collection: at most 128 letters, digits, `_`, `-` and `.`.
            type: For example `model` or `dataset`.
            description: A text for people.
            metadata: Values that describe the content; at most 100 keys.
            incremental: Whether it holds only changes to the newest version.
            use_as: Old; has no effect.
            storage_region: Where the server is to keep the files.
            digest_algorithm: Files are always hashed with MD5, which every server takes.

        Raises:
            ValueError: The name, the type or the metadata cannot be.
        """
        self._name = names.name(name)
        self._type = names.type_of(type, name)
        self._description = description
        self._metadata = names.metadata(dict(metadata) if isinstance(metadata, Mapping) else metadata)
        self._incremental = bool(incremental)
        self._storage_region = storage_region
        self._manifest = ArtifactManifest(None, storage_region)
        self._aliases = []
        self._tags = []
        self._ttl_s, self._ttl_inherited, self._ttl_changed = None, True, False
        self._facts = None
        self._digest = None
        self._run = None
        self._final = False
        self._logged_once = False
        self._saved = {}
        self._staging = Staging()
        self._no_room = ""
        self._local = {}
        self._objects = {}
        self._base_id = ""
        self._distributed_id = ""
        self._best = False
        self._link_of: tuple[Artifact, names.Where] | None = None
        self._is_link_to_be = False
        self._awaited = False
        self._client_id = _random_id()
        self._sequence_client_id = _random_id()
        _by_client_id[self._client_id] = self
        self._warn_at_start(use_as, digest_algorithm)

    def _warn_at_start(self, use_as: str | None, digest_algorithm: str) -> None:
        from wandbd._term import of_current_run

        if self._incremental:
            of_current_run().warn("Using experimental arg `incremental`", once=True)
        if use_as is not None:
            of_current_run().warn(
                "`use_as` argument is deprecated and does not affect the behaviour of `wandb.Artifact()`", once=True
            )
        if digest_algorithm != "MD5":
            of_current_run().warn(f"wandbd hashes files with MD5, not with {digest_algorithm}", once=True)

    @classmethod
    def _of_kind(cls, name: str, type: str) -> Artifact:
        """An artifact whose type or name users cannot take."""
        artifact = cls(names.name(name), "unspecified")
        artifact._type = type
        return artifact

    @classmethod
    def _of_facts(cls, facts: dict[str, Any], run: Run | None) -> Artifact:
        """A version of the server."""
        artifact = cls._of_kind("placeholder", str(facts["type"]))
        artifact._manifest = None
        artifact._run = run
        artifact._take(facts)
        return artifact

    @property
    def incremental(self) -> bool:
        """Whether it holds only changes to the newest version."""
        return self._incremental

    @property
    def distributed_id(self) -> str | None:
        """What the parts of a version that several processes make have in common."""
        return self._distributed_id or None

    @distributed_id.setter
    def distributed_id(self, distributed_id: str | None) -> None:
        self._distributed_id = distributed_id or ""

    @property
    def use_as(self) -> None:
        """Old; always None."""
        return None

    @property
    def digest_algorithm(self) -> str:
        """How files are hashed."""
        return "MD5"

    @property
    def source_artifact(self) -> Artifact:
        """The version itself, if this is a link to it."""
        self._logged("source_artifact")
        if not self.is_link:
            return self
        from wandbd._artifact_server import version_by_name

        return version_by_name(self.source_qualified_name, self._run)

    def finalize(self) -> None:
        """Say that nothing will be added any more. `log_artifact` does it."""
        self._final = True

    def new_draft(self) -> Artifact:
        """An artifact with the same content, to be changed and logged as the next version."""
        facts = self._logged("new_draft")
        draft = Artifact._of_kind(str(facts["source_collection"]), self._type)
        draft._base_id = str(facts["id"])
        draft._description = self._description
        draft._metadata = dict(self._metadata)
        draft._manifest = ArtifactManifest.from_manifest_json(self.manifest.to_manifest_json())
        for entry in draft._manifest.entries.values():
            entry.birth_artifact_id = entry.birth_artifact_id or draft._base_id
        draft._run = self._run
        return draft

    # Its way to the server

    def _record(self, run: Run, finalize: bool, used: bool) -> dict[str, Any]:
        """The `wandbd.v1.Artifact` of it."""
        import json

        from wandbd._values import strict

        self.metadata = dict(self._metadata)  # checked again: it may have been changed inside
        fields: dict[str, Any] = {
            "name": self._name,
            "type": self._type,
            "description": self._description or "",
            "metadata_json": json.dumps(strict(self._metadata)) if self._metadata else "",
            "alias": list(self._aliases),
            "tag": list(self._tags),
            "client_id": self._client_id,
            "sequence_client_id": self._sequence_client_id,
            "incremental": self._incremental,
            "base_id": self._base_id,
            "distributed_id": self._distributed_id,
            "unfinished": not finalize,
            "used": used,
            "only_used": used,
            "storage_region": self._storage_region or "",
            "file": self._file_fields(self, run._core),
        }
        if self._ttl_changed and not self._ttl_inherited:
            fields["ttl_s"] = TTL_NEVER if self._ttl_s is None else self._ttl_s
        return fields

    def _handed_over(self) -> None:
        """It was logged: the daemon owns the copies from now on."""
        self._staging.give()
        self._objects = {}

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log it by the current run, or by a new one when there is none; send changes if it is logged already.

        Args:
            project: For a new run.
            settings: For a new run.
        """
        if self._facts is not None:
            self._send_changes()
            return
        from wandbd import _registry
        from wandbd._init import init

        run = _registry.current()
        if run is not None:
            run.log_artifact(self)
            return
        with init(project=project, job_type="auto", settings=settings or {"silent": "true"}) as run:
            run.log_artifact(self)
            if not run.offline:
                self.wait()

    def _send_changes(self) -> None:
        facts, saved = self._logged("save"), self._saved
        fields: dict[str, Any] = {
            "id": facts["id"],
            "collection_path": f"{facts['entity']}/{facts['project']}/{facts['collection']}",
            "add_alias": [alias for alias in self._aliases if alias not in saved["aliases"]],
            "remove_alias": [alias for alias in saved["aliases"] if alias not in self._aliases],
            "add_tag": [tag for tag in names.tags(self._tags) if tag not in saved["tags"]],
            "remove_tag": [tag for tag in saved["tags"] if tag not in self._tags],
        }
        if self._description != saved["description"]:
            fields["description"] = self._description or ""
        if self._metadata != saved["metadata"]:
            import json

            fields["metadata_json"] = json.dumps(names.metadata(self._metadata))
        if self._ttl_changed:
            fields["ttl_s"] = -2 if self._ttl_inherited else TTL_NEVER if self._ttl_s is None else self._ttl_s
        answer = change(self._run, **fields)
        if answer.get("id"):
            self._take({**answer, "manifest_json": facts.get("manifest_json", "")})

    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until it is on the server, whose facts are then known.

        Args:
            timeout: Seconds; without it as long as it takes.

        Raises:
            ArtifactNotLoggedError: It was not logged, or its run is offline.
            WaitTimeoutError: The time is over.
            ValueError: It was given up; the message says why.
        """
        if self._facts is not None:
            return self
        run = self._run
        if self._link_of is not None:
            self._wait_for_link(timeout)
            return self
        if run is None or run.offline or run.disabled:
            raise ArtifactNotLoggedError("Artifact.wait", self)
        if self._no_room:
            raise ValueError(f"artifact {self._name} was not logged: {self._no_room}")
        self._take(delivered(run, self._client_id, self._name, timeout))
        self._manifest = None
        return self

    # Links

    def link(self, target_path: str, aliases: Iterable[str] | str | None = None) -> Artifact:
        """Let it appear in another collection as well, as soon as it is on the server.

        Args:
            target_path: `[[entity/]project/]collection`, or `wandb-registry-<name>/<collection>`.
            aliases: In that collection.

        Returns:
            The version in that collection; what only the server knows of it is waited for when it is asked for.

        Raises:
            UsageError: There is no run.
        """
        from wandbd import _registry

        run = self._run if self._run is not None and not self._run._finished else _registry.current()
        if run is None:
            raise UsageError("a link is made by a run: call wandb.init() before Artifact.link()")
        return run.link_artifact(self, target_path, None if aliases is None else list(names.aliases(list(aliases))))

    def _linked(self, run: Run, target: names.Where, aliases: list[str]) -> Artifact:
        """What this version will be in the collection `target`."""
        linked = Artifact._of_kind(target.name, self._type)
        linked._manifest = None
        linked._link_of, linked._run, linked._final, linked._is_link_to_be = (self, target), run, True, True
        linked._aliases = list(aliases)
        linked._description, linked._metadata = self._description, dict(self._metadata)
        return linked

    def _resolve(self) -> None:
        online = self._run is not None and not (self._run.offline or self._run.disabled)
        if online and (self._awaited or self._link_of is not None):
            self.wait(LINK_S)

    def _wait_for_link(self, timeout: float | None) -> None:
        import time

        from wandbd._artifact_errors import WaitTimeoutError

        assert self._link_of is not None
        source, target = self._link_of
        if self._run is None or self._run.offline or self._run.disabled:
            raise ArtifactNotLoggedError("Artifact.wait", self)
        end = None if timeout is None else time.monotonic() + timeout
        source.wait(timeout)
        alias = self._aliases[-1] if self._aliases else "latest"
        while True:
            try:
                facts = get(self._run, name=f"{target}:{alias}")
                if facts["id"] == source.id:
                    self._take(facts)
                    return
            except (ValueError, CommError):  # not there yet
                pass
            if end is not None and time.monotonic() > end:
                raise WaitTimeoutError(f"the link {target} of {source.name} is not there yet")
            time.sleep(0.2)

    def unlink(self) -> None:
        """Take it out of the collection that it was found in, which is not the one that it was made in.

        Raises:
            ValueError: It was found where it was made.
        """
        self._logged("unlink")
        if not self.is_link:
            raise ValueError(
                f"Artifact {self.qualified_name!r} is not a linked artifact and cannot be unlinked.  To delete it, use "
                "'delete' instead."
            )
        self._unlink()

    def _unlink(self) -> None:
        facts = self._logged("unlink")
        path = f"{facts['entity']}/{facts['project']}/{facts['collection']}"
        change(self._run, id=facts["id"], collection_path=path, unlink=True)

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; of a link only the link.

        Args:
            delete_aliases: Whether to delete it although it has aliases.
        """
        facts = self._logged("delete")
        if self.is_link:
            self._unlink()
            return
        change(self._run, id=facts["id"], delete=True, delete_aliases=delete_aliases)
        facts["state"] = "DELETED"

    def __del__(self) -> None:
        """Remove snapshots that were never logged."""
        staging = getattr(self, "_staging", None)
        if staging is not None:
            staging.tidy()

    def __repr__(self) -> str:
        """The id or the name."""
        return f"<Artifact {self.id or self._name}>"


def _random_id() -> str:
    """A name for what the server does not know yet."""
    return os.urandom(ID_LENGTH).translate(_LETTERS).decode()


def with_client_id(client_id: str) -> Artifact | None:
    """The artifact of this process that has this id before it has one of the server."""
    return _by_client_id.get(client_id)
