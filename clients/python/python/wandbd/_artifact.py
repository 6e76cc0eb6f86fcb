"""Artifacts made of files on this machine.

A file that is added is kept as it is at that moment: hard-linked into the daemon's staging directory when nobody will
write into it again (our own callbacks rename their files into place), else cloned or copied there. With policy
`immutable` it is read where it lies.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wandbd import _names
from wandbd._errors import UnsupportedError

NAME_MAX = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ALIAS_BAD = "/:"
_FICLONE = 0x40049409


class Artifact:
    """A version of something made of files, to be logged by a run."""

    __slots__ = ("__weakref__", "_aliases", "_files", "_folder", "_logged", "_name", "_type", "description", "metadata")

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
        """An artifact without files.

        Raises:
            ValueError: The name or the type cannot be.
            UnsupportedError: An argument that wandbd does not provide yet.
        """
        for what, off in (
            ("incremental", not incremental),
            ("use_as", use_as is None),
            ("storage_region", storage_region is None),
            ("digest_algorithm", digest_algorithm == "MD5"),
        ):
            if not off:
                raise UnsupportedError(f"wandbd does not provide the argument `{what}` of Artifact yet")
        self._name = _checked_name(name)
        self._type = _checked_type(name, type)
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self._aliases: list[str] = []
        self._files: dict[str, tuple[str, bool]] = {}
        self._folder: str | None = None
        self._logged = False

    @classmethod
    def _of_code(cls, name: str) -> Artifact:
        """An artifact of source code, whose names users cannot take."""
        artifact = cls(_checked_name(name), "unspecified")
        artifact._type = "code"
        return artifact

    @property
    def name(self) -> str:
        """The name, without a version."""
        return self._name

    @property
    def type(self) -> str:
        """The type, for example `model` or `dataset`."""
        return self._type

    @property
    def aliases(self) -> list[str]:
        """The names that this version gets, besides its number."""
        return list(self._aliases)

    @aliases.setter
    def aliases(self, aliases: Sequence[str]) -> None:
        self._aliases = checked_aliases(aliases)

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> None:
        """Add one file, as `name` or under its own base name.

        Args:
            local_path: The file.
            name: Its path in the artifact, with slashes.
            is_tmp: Not provided: nothing is named by its content.
            skip_cache: Nothing is cached, so it makes no difference.
            policy: `mutable` keeps a copy of the file as it is now; `immutable` trusts that it does not change.
            overwrite: Whether `name` may be there already.

        Raises:
            ValueError: There is no such file, or its name is taken.
        """
        path = os.path.abspath(os.fspath(local_path))
        if not os.path.isfile(path):
            raise ValueError(f"Path is not a file: {os.fspath(local_path)!r}")
        if is_tmp:
            raise UnsupportedError("wandbd does not provide the argument `is_tmp` of Artifact.add_file yet")
        if policy not in (None, "mutable", "immutable"):
            raise ValueError(f"Invalid policy {policy!r}. Policy may only be `mutable` or `immutable`.")
        inside = _checked_path(name or os.path.basename(path))
        before = self._files.get(inside)
        if before is not None and not overwrite and not _same_content(before[0], path):
            raise ValueError(f"Cannot add the same path twice: {inside!r}")
        self._add(inside, path, keep=policy != "immutable")

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files below a folder, under their relative paths, or below `name`.

        Raises:
            ValueError: There is no such folder, or a path is taken.
        """
        path = os.path.abspath(os.fspath(local_path))
        if not os.path.isdir(path):
            raise ValueError(f"Path is not a directory: {os.fspath(local_path)!r}")
        for file in _files_below(path):
            inside = os.path.relpath(file, path).replace(os.sep, "/")
            self.add_file(file, f"{name.rstrip('/')}/{inside}" if name else inside, policy=policy, overwrite=merge)

    def _add(self, inside: str, path: str, keep: bool) -> None:
        target = self._place(inside) if keep else None
        if target is None:
            self._files[inside] = (path, False)
            return
        clone_or_copy(path, target)
        self._files[inside] = (target, True)

    def _add_link(self, inside: str, path: str) -> None:
        """Add a file that nobody will write into again, though its name may come to mean another one."""
        target = self._place(inside)
        if target is None:
            self._files[inside] = (path, False)
            return
        try:
            os.link(path, target)
        except OSError:  # another file system, or one without links
            clone_or_copy(path, target)
        self._files[inside] = (target, True)

    def _place(self, inside: str) -> str | None:
        """A free path in the staging directory; None if there is no daemon to send anything."""
        staging = _staging()
        if staging is None:
            return None
        if self._folder is None:
            self._folder = _new_folder(staging)
        target = os.path.join(self._folder, *inside.split("/"))
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        if os.path.lexists(target):  # perhaps a link: never write through it
            os.unlink(target)
        return target

    def _take_files(self) -> list[tuple[str, str, bool]]:
        """What to hand to the daemon, which owns the snapshots from now on.

        Raises:
            UnsupportedError: That was done before.
        """
        if self._logged:
            raise UnsupportedError(f"wandbd does not provide logging an artifact a second time yet: {self._name}")
        self._logged = True
        self._folder = None
        return [(inside, source, staged) for inside, (source, staged) in self._files.items()]

    def __del__(self) -> None:
        """Remove snapshots that were never logged."""
        folder = getattr(self, "_folder", None)
        if folder is not None and os.path.basename(folder).startswith(f"{os.getpid()}-"):
            shutil.rmtree(folder, ignore_errors=True)

    def __repr__(self) -> str:
        """The name."""
        return f"<Artifact {self._name}>"

    def __getattr__(self, name: str) -> Any:
        """W&B's other attributes are not built yet."""
        raise _names.missing("Artifact", name, _names.ARTIFACT)


def _staging() -> str | None:
    """The daemon's staging directory, if anything here will ever be sent."""
    from wandbd import _registry

    run = _registry.current()
    if run is not None and run.disabled:
        return None
    import wandbd._core as core

    return core.paths()["staging"]


def _new_folder(staging: str) -> str:
    """A folder of our own, named by our process so that a forked child does not tidy it up."""
    folder = os.path.join(staging, f"{os.getpid()}-{os.urandom(16).hex()}")
    os.mkdir(folder, 0o700)
    return folder


def clone_or_copy(source: str, target: str) -> None:
    """A private copy of `source`, sharing its blocks where the file system can."""
    with open(source, "rb") as read, open(target, "wb") as write:
        try:
            import fcntl

            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except (ImportError, OSError):
            shutil.copyfileobj(read, write, 1 << 20)


def _files_below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(parent, name)


def _same_content(one: str, other: str) -> bool:
    import filecmp

    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"Artifact name must be a non-empty string, got {name!r}")
    if len(name) > NAME_MAX:
        raise ValueError(f"Artifact name is longer than {NAME_MAX} characters: {name[:NAME_MAX]!r}...")
    if not _NAME.fullmatch(name):
        raise ValueError(
            "Artifact name may only contain alphanumeric characters, dashes, underscores, and dots. "
            f"Invalid name: {name!r}"
        )
    return name


def _checked_type(name: str, type: str) -> str:
    if not isinstance(type, str) or not type:
        raise ValueError(f"Artifact type must be a non-empty string, got {type!r}")
    reserved = (
        type == "job"
        or type.startswith("wandb-")
        or (type == "run_table" and name.startswith("run-"))
        or (type == "code" and name.startswith("source-"))
    )
    if reserved:
        raise ValueError(f"Artifact type {type!r} is reserved for internal use. Please use a different type.")
    return type


def _checked_path(path: str) -> str:
    parts = path.replace(os.sep, "/").strip("/").split("/")
    if not all(parts) or any(part in (".", "..") for part in parts):
        raise ValueError(f"Invalid path in an artifact: {path!r}")
    return "/".join(parts)


def checked_aliases(aliases: Sequence[str] | str | None) -> list[str]:
    """Aliases as a list.

    Raises:
        ValueError: One of them cannot be.
    """
    if aliases is None:
        return []
    result = [aliases] if isinstance(aliases, str) else list(aliases)
    for alias in result:
        if not isinstance(alias, str) or not alias or any(bad in alias for bad in _ALIAS_BAD):
            raise ValueError("Aliases must not contain any of the following characters: '/', ':'")
    return result


def of_path(path: str | os.PathLike[str], run_id: str, name: str | None, type: str | None) -> Artifact:
    """An artifact with one file or one folder, named after the run and the path unless `name` is given.

    Raises:
        ValueError: There is neither a file nor a folder.
        UnsupportedError: It is an address outside this machine.
    """
    where = os.fspath(path)
    if "://" in where and not where.startswith("file://"):
        raise UnsupportedError(f"wandbd does not provide references in artifacts yet: {where}")
    where = where.removeprefix("file://")
    base = os.path.basename(os.path.abspath(where))
    artifact = Artifact(name or re.sub(r"[^A-Za-z0-9_.-]", "_", f"run-{run_id}-{base}"), type or "unspecified")
    if os.path.isfile(where):
        artifact.add_file(where)
    elif os.path.isdir(where):
        artifact.add_dir(where)
    else:
        raise ValueError(f"path must be a file, directory or external reference, and is none: {where!r}")
    return artifact
