"""How things come into an artifact.

A file that is added is kept as it is at that moment, see `_artifact_staging`; with policy `immutable` it is read where
it lies. Nothing is hashed here unless somebody asks for a digest: the daemon does it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from wandbd import _artifact_names as names
from wandbd._artifact_entry import ArtifactManifest, ArtifactManifestEntry, hex_of, md5_of
from wandbd._artifact_facts import Known
from wandbd._artifact_staging import Staging, StagingFull

if TYPE_CHECKING:
    from wandbd._artifact import Artifact

POLICIES = ("mutable", "immutable")
TEMPORARY_NAME = 20
"""Characters of the content's digest that name a file with `is_tmp`."""
_NAMED_MAX = 5


class Contents(Known):
    """An artifact that is being made."""

    _local: dict[str, ArtifactManifestEntry]
    _no_room: str
    _objects: dict[int, tuple[Any, ArtifactManifestEntry]]
    _staging: Staging

    @property
    def manifest(self) -> ArtifactManifest:
        """All entries; of a version on the server those that it has."""
        if self._manifest is None:
            self._manifest = self._fetched_manifest()
        return self._manifest

    def _fetched_manifest(self) -> ArtifactManifest:
        raise NotImplementedError

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | os.PathLike[str] | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Add one file, as `name` or under its own base name.

        Args:
            local_path: The file.
            name: Its path in the artifact, with slashes.
            is_tmp: Whether the name is made of the content: the digest and the extension.
            skip_cache: Whether to keep no copy on this machine after the upload.
            policy: `mutable` keeps the file as it is now; `immutable` trusts that it does not change.
            overwrite: Whether `name` may be there already with another content.

        Raises:
            ValueError: There is no such file, or its name is taken.
            ArtifactFinalizedError: The artifact is logged.
        """
        self._unfinished("add_file")
        if not os.path.isfile(local_path):
            raise ValueError(f"Path is not a file: {local_path!r}")
        path = os.path.abspath(local_path)
        inside = names.path(name if name else os.path.basename(path))
        digest = None
        if is_tmp:
            digest = md5_of(path)
            folder, _, base = inside.rpartition("/")
            short = ".".join([hex_of(digest)[:TEMPORARY_NAME], *base.split(".")[1:]])
            inside = f"{folder}/{short}" if folder else short
        entry = self._add_files([(inside, path)], skip_cache, policy, overwrite)[0]
        if digest is not None and entry._digest is None:
            entry.digest = digest
        self._local[os.fspath(local_path)] = entry
        return entry

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files below a folder, under their relative paths, or below `name`.

        Links are followed; those that lead nowhere or around in a circle, and what is no file (sockets, pipes,
        devices), are left out with one warning.

        Args:
            local_path: The folder.
            name: The folder inside the artifact; its root without it.
            skip_cache: Whether to keep no copies on this machine after the upload.
            policy: As in `add_file`.
            merge: Whether files that were added before may be there with another content.

        Raises:
            ValueError: There is no such folder, or a path is taken.
            OSError: A file or folder cannot be read.
            ArtifactFinalizedError: The artifact is logged.
        """
        self._unfinished("add_dir")
        if not os.path.isdir(local_path):
            raise ValueError(f"Path is not a directory: {local_path!r}")
        said = os.fspath(local_path)
        odd: list[str] = []
        below = list(_files_below(os.path.abspath(said), "", (), odd))
        if odd:
            self._say_odd(said, odd)
        prefix = f"{names.path(name)}/" if name and names_something(name) else ""
        files = [(names.path(prefix + inside), path) for inside, path in below]
        for (inside, _), entry in zip(below, self._add_files(files, skip_cache, policy, merge), strict=True):
            self._local[os.path.join(said, inside)] = entry

    def _say_odd(self, folder: str, odd: Sequence[str]) -> None:
        from wandbd._term import of_current_run

        more = f" and {len(odd) - _NAMED_MAX} more" if len(odd) > _NAMED_MAX else ""
        of_current_run().warn(f"left out of the artifact, below {folder}: {', '.join(odd[:_NAMED_MAX])}{more}")

    def _add_files(
        self, files: Sequence[tuple[str, str]], skip_cache: bool | None, policy: str | None, overwrite: bool
    ) -> list[ArtifactManifestEntry]:
        policy = policy or "mutable"
        if policy not in POLICIES:
            raise ValueError(f"Invalid policy {policy!r}. Policy may only be `mutable` or `immutable`.")
        found = self.manifest.entries
        entries = [
            ArtifactManifestEntry(inside, size=os.stat(path).st_size, local_path=path, skip_cache=bool(skip_cache))
            for inside, path in files
        ]
        for entry in entries:
            before = found.get(entry.path)
            if before is not None and not overwrite and before.digest != entry.digest:
                raise ValueError(f"Cannot add the same path twice: {entry.path!r}")
        if policy == "mutable":
            self._keep(entries)
        for entry in entries:
            found[entry.path] = entry
        return entries

    def _keep(self, entries: Sequence[ArtifactManifestEntry]) -> None:
        """Keep the files of these entries as they are; without room the artifact will not be logged."""
        if self._no_room:
            return
        try:
            kept = self._staging.keep([(str(entry.local_path), entry.size or 0) for entry in entries])
        except StagingFull as error:
            self._no_room = str(error)
            self._staging.tidy()
            return
        for entry, (path, staged) in zip(entries, kept, strict=True):
            entry.local_path, entry._staged = path, staged

    def _add_link(self, inside: str, path: str) -> None:
        """Add a file that nobody will write into again, though its name may come to mean another one."""
        entry = ArtifactManifestEntry(names.path(inside), size=os.stat(path).st_size)
        entry.local_path, entry._staged = self._staging.link(os.path.abspath(path))
        self.manifest.entries[entry.path] = entry

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> Iterator[IO[Any]]:
        """Open a file that belongs to the artifact as soon as it is closed.

        Args:
            name: Its path in the artifact.
            mode: `x` for a new one, `w` to replace one that is there; with `b` for bytes.
            encoding: Of text.
            policy: Makes no difference: nobody else writes to this file.

        Raises:
            ValueError: There is one already.
            ArtifactFinalizedError: The artifact is logged.
        """
        self._unfinished("new_file")
        inside = names.path(name)
        if "x" in mode and inside in self.manifest.entries:
            raise ValueError(f"File with name {name!r} already exists in the artifact")
        target = self._staging.place()
        staged = target is not None
        if target is None:
            import tempfile

            target = os.path.join(tempfile.mkdtemp(), os.path.basename(inside))
        with open(target, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        entry = ArtifactManifestEntry(inside, size=os.stat(target).st_size, local_path=target, skip_cache=True)
        entry._staged = staged
        self.manifest.add_entry(entry, overwrite="x" not in mode)

    def add_reference(
        self,
        uri: ArtifactManifestEntry | str,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Add something that stays where it is.

        Args:
            uri: An address: `file://`, `http(s)://`, `s3://`, `gs://` or any other; or an entry of another artifact.
            name: Its path in the artifact.
            checksum: Whether to find out a digest of the content; without it the address is the digest.
            max_objects: How many objects at most a folder may stand for.

        Raises:
            ValueError: It is no address, there is no such thing, or a path is taken.
            ArtifactFinalizedError: The artifact is logged.
        """
        from wandbd._artifact_references import entries

        self._unfinished("add_reference")
        said = uri.ref_url() if isinstance(uri, ArtifactManifestEntry) else str(uri)
        inside = None if name is None else names.path(name)
        found = entries(said, inside, checksum, max_objects)
        for entry in found:
            self.manifest.add_entry(entry)
        return found

    def add(self, obj: Any, name: str | os.PathLike[str], overwrite: bool = False) -> ArtifactManifestEntry:
        """Add a table, an image or another of W&B's objects.

        Args:
            obj: The object.
            name: Its path in the artifact, without the ending that its type gives it.
            overwrite: Whether to replace what is there.

        Raises:
            TypeError: Objects of this type cannot be added.
            ArtifactFinalizedError: The artifact is logged.
        """
        from wandbd.data_types import ARTIFACT_TYPES

        self._unfinished("add")
        if not isinstance(obj, ARTIFACT_TYPES):
            raise TypeError(f"Found object of type {type(obj)}, expected one of: {ARTIFACT_TYPES}")
        known = self._objects.get(id(obj))
        if known is not None:
            return known[1]
        path = names.path(obj.with_suffix(names.path(name)))
        source = getattr(obj, "_artifact_source", None)
        if source is not None and source.name:
            return self.add_reference(source.artifact.get_entry(source.name), path)[0]
        there = self.manifest.get_entry_by_path(path)
        if there is not None and not overwrite:
            return there
        entry = ArtifactManifestEntry(path)
        snapshot = getattr(obj, "_artifact_snapshot", None)
        entry._media = obj if snapshot is None else snapshot()
        self.manifest.entries[path] = entry
        self._objects[id(obj)] = (obj, entry)
        return entry

    def __setitem__(self, name: str, item: Any) -> None:
        """Add an object; see `add`."""
        self.add(item, name)

    def remove(self, item: str | os.PathLike[str] | ArtifactManifestEntry) -> None:
        """Take out an entry, or all entries below a folder.

        Raises:
            FileNotFoundError: There is none.
            ArtifactFinalizedError: The artifact is logged.
        """
        self._unfinished("remove")
        if isinstance(item, ArtifactManifestEntry):
            self.manifest.remove_entry(item)
            return
        path = os.fspath(item).replace(os.sep, "/").rstrip("/")
        entry = self.manifest.get_entry_by_path(path)
        entries = [entry] if entry is not None else self.manifest.get_entries_in_directory(path)
        if not entries:
            raise FileNotFoundError(f"No such file or directory: {path}")
        for one in entries:
            self.manifest.remove_entry(one)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path in the artifact of a file that was added as `local_path`."""
        entry = self._local.get(os.fspath(local_path))
        return None if entry is None else entry.path

    def _file_fields(self, artifact: Artifact, core_run: Any) -> list[Any]:
        """All entries for the core: files and references as they are, objects by their media."""
        plain = [entry._fields() for entry in self.manifest.entries.values() if entry._media is None]
        objects = [entry for entry in self.manifest.entries.values() if entry._media is not None]
        if not objects:
            return plain
        from wandbd.data_types._media import artifact_files

        paths = set(self.manifest.entries) - {entry.path for entry in objects}
        originals = {entry.path: obj for obj, entry in self._objects.values()}
        for entry in objects:  # of all first: objects that hold others ask where those are
            for obj in (originals.get(entry.path), entry._media):
                if obj is not None and getattr(obj, "_artifact_target", None) is None:
                    obj._set_artifact_target(artifact, entry.path)
        for entry in objects:
            for fields in artifact_files(entry._media, entry.path, core_run, self.manifest.entries):
                if fields["path"] not in paths:
                    paths.add(fields["path"])
                    plain.append(fields)
        return plain


def names_something(name: str) -> bool:
    """Whether a folder's name means another folder than the root."""
    return any(part not in ("", ".") for part in name.split("/"))


def _files_below(
    folder: str, inside: str, above: tuple[tuple[int, int], ...], odd: list[str]
) -> Iterator[tuple[str, str]]:
    """All files below `folder`, by their relative and their whole path; what is left out goes to `odd`."""
    here = os.stat(folder)
    above = (*above, (here.st_dev, here.st_ino))
    folders: list[tuple[str, str]] = []
    with os.scandir(folder) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        path = f"{inside}{item.name}"
        try:
            facts = item.stat()
        except FileNotFoundError:
            odd.append(f"{path} (a link to nothing)")
            continue
        except OSError as error:  # a link to itself
            if not item.is_symlink():
                raise
            odd.append(f"{path} ({error.strerror})")
            continue
        if stat.S_ISDIR(facts.st_mode):
            if (facts.st_dev, facts.st_ino) in above:
                odd.append(f"{path} (a link to a folder above it)")
            else:
                folders.append((f"{path}/", item.path))
        elif stat.S_ISREG(facts.st_mode):
            yield path, item.path
        else:
            odd.append(f"{path} (no file)")
    for below, path in folders:
        yield from _files_below(path, below, above, odd)
