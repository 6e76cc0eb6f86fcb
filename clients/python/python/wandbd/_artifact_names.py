"""What artifacts, their types, aliases, tags, paths and metadata may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

NAME_MAX = 128
METADATA_MAX = 100
"""Keys at the top of the metadata."""
REGISTRY = "wandb-registry-"
"""Projects that begin so belong to an organization's registry."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_VERSION = re.compile(r"v\d+")
_FOREIGN = re.compile(r"([A-Za-z]:|\\)")
_RESERVED = {"job": "", "run_table": "run-", "code": "source-"}


def name(said: Any) -> str:
    """The name of a collection.

    Raises:
        ValueError: It cannot be.
    """
    if not isinstance(said, str) or not said:
        raise ValueError(f"Artifact name must be a non-empty string, got {said!r}")
    if not _NAME.fullmatch(said):
        raise ValueError(
            "Artifact name may only contain alphanumeric characters, dashes, underscores, and dots. "
            f"Invalid name: {said!r}"
        )
    if len(said) > NAME_MAX:
        raise ValueError(f"Artifact name is longer than {NAME_MAX} characters: {said[:NAME_MAX] + ' ...'!r}")
    return said


def type_of(said: Any, name: str) -> str:
    """The type of an artifact with this name.

    Raises:
        ValueError: It cannot be.
    """
    if not isinstance(said, str) or not said:
        raise ValueError(f"Artifact type must be a non-empty string, got {said!r}")
    reserved = _RESERVED.get(said)
    if said.startswith("wandb-") or (reserved is not None and name.startswith(reserved)):
        raise ValueError(f"Artifact type {said!r} is reserved for internal use. Please use a different type.")
    return said


def aliases(said: Iterable[str] | str | None) -> list[str]:
    """Aliases as a list.

    Raises:
        ValueError: One of them cannot be.
    """
    result = [said] if isinstance(said, str) else list(said or ())
    if any(not isinstance(alias, str) or not alias or "/" in alias or ":" in alias for alias in result):
        raise ValueError("Aliases must not contain any of the following characters: '/', ':'")
    return result


def is_version(alias: str) -> bool:
    """Whether this is the name of a version, like `v3`."""
    return _VERSION.fullmatch(alias) is not None


def tags(said: Iterable[str] | str | None) -> list[str]:
    """Tags as a list, each once.

    Raises:
        ValueError: One of them cannot be.
    """
    result = list(dict.fromkeys([said] if isinstance(said, str) else said or ()))
    if any(not isinstance(tag, str) or not _TAG.fullmatch(tag) for tag in result):
        raise ValueError(
            "Invalid tag(s).  Tags must only contain alphanumeric characters separated by hyphens, underscores, and/or "
            "spaces."
        )
    return result


def metadata(said: Any) -> dict[str, Any]:
    """Metadata as plain values; NaN is None.

    Raises:
        TypeError: It is no dict.
        ValueError: It has too many keys, or an infinite number.
    """
    from wandbd._values import config_value

    if said is None or said == "":
        return {}
    if isinstance(said, str):
        said = json.loads(said)
    if not isinstance(said, dict):
        raise TypeError(f"Cannot parse {type(said)} as artifact metadata")
    plain = config_value(said)
    json.dumps(plain, allow_nan=False)
    if len(plain) > METADATA_MAX:
        raise ValueError(f"Artifact must not have more than {METADATA_MAX} metadata keys.")
    return dict(plain)


def path(said: Any) -> str:
    """A path inside an artifact, with slashes.

    Raises:
        ValueError: It leads out of the artifact, or is none.
    """
    import os

    text = os.fsdecode(said) if not isinstance(said, str) else said
    text = text.replace(os.sep, "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or text.startswith("/") or ".." in text.replace("\\", "/").split("/") or _FOREIGN.match(text):
        raise ValueError(f"Invalid artifact path: {said!r}")
    return "/".join(parts)


class Where(NamedTuple):
    """`entity/project/name:alias`, as far as it was said."""

    entity: str
    project: str
    name: str

    def __str__(self) -> str:
        """With slashes."""
        return "/".join(part for part in self if part)

    @property
    def in_registry(self) -> bool:
        """Whether the project is a registry."""
        return self.project.startswith(REGISTRY) and self.project != REGISTRY


def where(said: str) -> Where:
    """Where an artifact is.

    Raises:
        ValueError: It is no path of an artifact.
    """
    collection, colon, alias = said.partition(":")
    parts = collection.split("/")
    if len(parts) > 3 or not parts[-1]:
        raise ValueError(f"Invalid artifact path: {said!r}")
    entity, project, last = [*([""] * (3 - len(parts))), *parts]
    return Where(entity, project, f"{last}{colon}{alias}")
