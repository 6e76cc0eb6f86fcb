"""What an artifact is: what its maker said, and what the server said of its version."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from wandbd import _artifact_names as names
from wandbd._artifact_entry import ArtifactManifest
from wandbd._artifact_errors import ArtifactFinalizedError, ArtifactNotLoggedError
from wandbd._errors import UnsupportedError

if TYPE_CHECKING:
    from datetime import timedelta

    from wandbd._run import Run

TTL_NEVER = -1
"""In an artifact that is logged: it is never removed."""
NO_API = "wandbd does not ask the server for this yet. The official client can: wandb.Api().artifact({name!r}).{what}"


class ArtifactTTL(Enum):
    """Words for `Artifact.ttl`."""

    INHERIT = 0


class Collection(NamedTuple):
    """Where versions stand under one name."""

    entity: str
    project: str
    name: str
    type: str


class Known:
    """The attributes of an artifact."""

    _aliases: list[str]
    _client_id: str
    _description: str | None
    _digest: str | None
    _facts: dict[str, Any] | None
    _final: bool
    _is_link_to_be: bool
    _manifest: ArtifactManifest | None
    _metadata: dict[str, Any]
    _name: str
    _run: Run | None
    _saved: dict[str, Any]
    _tags: list[str]
    _ttl_changed: bool
    _ttl_inherited: bool
    _ttl_s: int | None
    _type: str

    def _fact(self, what: str, key: str) -> Any:
        return self._logged(what)[key]

    def _logged(self, what: str) -> dict[str, Any]:
        """What the server said.

        Raises:
            ArtifactNotLoggedError: It has not said anything yet.
        """
        if self._facts is None:
            self._resolve()
        if self._facts is None:
            raise ArtifactNotLoggedError(f"Artifact.{what}", self)
        return self._facts

    def _resolve(self) -> None:
        """Wait, if this artifact is linked: the released client has waited by then."""

    def _unfinished(self, what: str) -> None:
        if self._final:
            raise ArtifactFinalizedError(f"Artifact.{what}", self)

    def _take(self, facts: dict[str, Any]) -> None:
        """Be this version of the server."""
        self._facts = facts
        self._name = f"{facts['collection']}:v{facts['version_index']}"
        self._type = facts["type"]
        self._description = facts["description"] or None
        self._metadata = names.metadata(facts["metadata_json"])
        self._aliases = [alias for alias in facts["alias"] if not names.is_version(alias)]
        self._tags = list(facts["tag"])
        ttl = facts.get("ttl_s")
        self._ttl_s = ttl if ttl is not None and ttl > 0 else None
        self._ttl_inherited = bool(facts.get("ttl_inherited"))
        self._ttl_changed = False
        self._final = True
        self._saved = {"aliases": list(self._aliases), "tags": list(self._tags), "metadata": dict(self._metadata)}
        self._saved["description"] = self._description

    # What its maker says

    @property
    def name(self) -> str:
        """The name; of a version on the server with its number, as `name:v3`, or with the alias it was asked for by."""
        if self._facts is None:
            self._resolve()
        return self._name

    @property
    def type(self) -> str:
        """The type, for example `model` or `dataset`."""
        return self._type

    @property
    def description(self) -> str | None:
        """A text for people, in Markdown."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._changes_source("description")
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """Values that describe the content; at most 100 keys."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._changes_source("metadata")
        self._metadata = names.metadata(metadata)

    @property
    def aliases(self) -> list[str]:
        """The names that this version has, besides its number."""
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: Sequence[str] | str) -> None:
        self._aliases = names.aliases(aliases)

    @property
    def tags(self) -> list[str]:
        """Words to find the version by."""
        return self._tags

    @tags.setter
    def tags(self, tags: Sequence[str] | str) -> None:
        self._changes_source("tags")
        self._tags = names.tags(tags)

    @property
    def ttl(self) -> timedelta | None:
        """How long the version is kept; None: for ever.

        Raises:
            ArtifactNotLoggedError: It is the project's default, which only the server knows.
        """
        from datetime import timedelta

        if self._ttl_inherited and (self.is_draft() or self._ttl_changed):
            raise ArtifactNotLoggedError("Artifact.ttl", self)
        return None if self._ttl_s is None else timedelta(seconds=self._ttl_s)

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self.is_link:
            raise ValueError(
                "Cannot set TTL for link artifact. Unlink the artifact first then set the TTL for the source artifact"
            )
        if isinstance(ttl, ArtifactTTL):
            self._ttl_inherited = True
        elif ttl is None:
            self._ttl_inherited, self._ttl_s = False, None
        else:
            if ttl.total_seconds() <= 0:
                raise ValueError(f"Artifact TTL Duration has to be positive. ttl: {ttl.total_seconds()}")
            self._ttl_inherited, self._ttl_s = False, int(ttl.total_seconds())
        self._ttl_changed = True

    def _changes_source(self, what: str) -> None:
        if self._facts is not None and self.is_link:
            from wandbd._term import of_current_run

            of_current_run().warn(
                f"Editing the {what} of this linked artifact will edit the {what} for the source artifact and it's "
                "linked artifacts as well."
            )

    # What the server says

    def is_draft(self) -> bool:
        """Whether it has no version yet, as far as is known here; see `wait`."""
        return self._facts is None

    @property
    def is_link(self) -> bool:
        """Whether it was found in another collection than the one that it was made in."""
        facts = self._facts
        if facts is None:
            return self._is_link_to_be
        return any(facts[name] != facts[f"source_{name}"] for name in ("entity", "project", "collection"))

    @property
    def id(self) -> str | None:
        """The id on the server; None as long as there is none."""
        return None if self._facts is None else str(self._facts["id"])

    @property
    def state(self) -> str:
        """`PENDING`, `COMMITTED` or `DELETED`."""
        return "PENDING" if self._facts is None else str(self._facts["state"])

    @property
    def entity(self) -> str:
        """Whose collection it is."""
        return str(self._fact("entity", "entity"))

    @property
    def project(self) -> str:
        """The project of its collection."""
        return str(self._fact("project", "project"))

    @property
    def qualified_name(self) -> str:
        """`entity/project/name:version`."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def version(self) -> str:
        """The number, as `v3`."""
        return f"v{self._fact('version', 'version_index')}"

    @property
    def collection(self) -> Collection:
        """Where its versions stand."""
        facts = self._logged("collection")
        return Collection(facts["entity"], facts["project"], facts["collection"], self._type)

    @property
    def source_entity(self) -> str:
        """Whose it was when it was made."""
        return str(self._fact("source_entity", "source_entity"))

    @property
    def source_project(self) -> str:
        """The project that it was made in."""
        return str(self._fact("source_project", "source_project"))

    @property
    def source_name(self) -> str:
        """The name that it was made with."""
        if self._facts is None:
            self._resolve()
        facts = self._facts
        return self._name if facts is None else f"{facts['source_collection']}:v{facts['source_version_index']}"

    @property
    def source_qualified_name(self) -> str:
        """`entity/project/name:version` by which it was made."""
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def source_version(self) -> str:
        """The number in the collection that it was made in."""
        return f"v{self._fact('source_version', 'source_version_index')}"

    @property
    def source_collection(self) -> Collection:
        """The collection that it was made in."""
        facts = self._logged("source_collection")
        return Collection(facts["source_entity"], facts["source_project"], facts["source_collection"], self._type)

    @property
    def commit_hash(self) -> str:
        """What the server said when it was committed."""
        return str(self._fact("commit_hash", "commit_hash"))

    @property
    def file_count(self) -> int:
        """How many entries there are."""
        return int(self._fact("file_count", "file_count"))

    @property
    def created_at(self) -> str:
        """When it was made."""
        return str(self._fact("created_at", "created_at"))

    @property
    def updated_at(self) -> str:
        """When it was changed last."""
        return str(self._fact("updated_at", "updated_at") or self._fact("updated_at", "created_at"))

    @property
    def history_step(self) -> int | None:
        """The row of its run's history that was written before it."""
        step = self._logged("history_step").get("history_step")
        return None if step is None else max(0, int(step) - 1)

    @property
    def url(self) -> str:
        """Its page."""
        return str(self._fact("url", "url"))

    @property
    def linked_at(self) -> str | None:
        """When it was linked; None for the version itself."""
        self._logged("linked_at")
        return self._not_built("linked_at") if self.is_link else None

    @property
    def linked_artifacts(self) -> list[Any]:
        """Not provided: all its links."""
        self._logged("linked_artifacts")
        return [] if self.is_link else self._not_built("linked_artifacts")

    def logged_by(self) -> Any:
        """Not provided: the run that made it."""
        self._logged("logged_by")
        return self._not_built("logged_by()")

    def used_by(self) -> Any:
        """Not provided: the runs that used it."""
        self._logged("used_by")
        return self._not_built("used_by()")

    def _not_built(self, what: str) -> Any:
        raise UnsupportedError(NO_API.format(name=self.qualified_name, what=what))

    def json_encode(self) -> dict[str, Any]:
        """As a value in a config."""
        self._logged("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": self.id,
            "version": self.source_version,
            "sequenceName": self.source_name.partition(":")[0],
            "usedAs": None,
        }
