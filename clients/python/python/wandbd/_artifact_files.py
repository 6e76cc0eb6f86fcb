"""How the files of a version come to this machine: the daemon downloads, references are fetched from where they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wandbd import _artifact_names as names
from wandbd._artifact_contents import Contents
from wandbd._artifact_entry import ArtifactManifest, ArtifactManifestEntry, base64_of, md5_of
from wandbd._artifact_server import asking, get
from wandbd._errors import CommError, UnsupportedError

if TYPE_CHECKING:
    from wandbd._artifact import Artifact

OF_VERSION = "wandb-artifact://"
SPOKEN_FILES = 5000
SPOKEN_BYTES = 50 * 1024 * 1024
"""A download of more than this is worth a line."""


class ArtifactFile:
    """A file of a version, as `Artifact.files` lists them."""

    def __init__(self, entry: ArtifactManifestEntry) -> None:
        """The file of an entry."""
        self._entry = entry
        self.name = entry.path
        self.size = int(entry.size or 0)
        self.digest = entry.digest
        self.md5 = entry.digest

    def download(self, root: str = ".", replace: bool = False, exist_ok: bool = False) -> Any:
        """Bring it to this machine, below `root`, and open it.

        Raises:
            ValueError: It is there already.
        """
        path = os.path.join(root, *self.name.split("/"))
        if os.path.exists(path) and not replace:
            if exist_ok:
                return open(path, encoding="utf-8")
            raise ValueError("File already exists, pass replace=True to overwrite or exist_ok=True to leave it as is")
        return open(self._entry.download(root), encoding="utf-8")

    def __repr__(self) -> str:
        """Its name."""
        return f"<ArtifactFile {self.name} ({self.size} bytes)>"


class Files(Contents):
    """A version whose files are wanted."""

    def _fetched_manifest(self) -> ArtifactManifest:
        facts = self._logged("manifest")
        text = facts.get("manifest_json") or get(self._run, id=facts["id"], manifest=True)["manifest_json"]
        return ArtifactManifest.from_manifest_json(_loads(text))

    @property
    def digest(self) -> str:
        """Of all paths and contents: what tells versions apart."""
        if self._facts is not None and self._facts["digest"]:
            return str(self._facts["digest"])
        try:
            return self.manifest.digest()
        except FileNotFoundError:
            # The daemon has uploaded it and removed its copies.
            return str(self._fact("digest", "digest"))

    @property
    def size(self) -> int:
        """Bytes of all entries, references included."""
        if self._manifest is None and self._facts is not None:
            return int(self._facts["size"])
        return self.manifest.size()

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactManifestEntry:
        """The entry at a path; objects also by the name that they were added with.

        Raises:
            KeyError: There is none.
            ArtifactNotLoggedError: The artifact has no version yet.
        """
        self._logged("get_entry")
        path = names.path(name)
        entry = self.manifest.entries.get(path) or self._object_entry(path)
        if entry is None:
            raise KeyError(f"Path not contained in artifact: {path}")
        entry._parent_artifact = self  # type: ignore[assignment]
        return entry

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactManifestEntry:
        """The same as `get_entry`; old."""
        return self.get_entry(name)

    def _object_entry(self, name: str) -> ArtifactManifestEntry | None:
        if not any(path.startswith(f"{name}.") for path in self.manifest.entries):
            return None
        from wandbd.data_types import ARTIFACT_TYPES

        for kind in ARTIFACT_TYPES:
            entry = self.manifest.entries.get(kind.with_suffix(name))
            if entry is not None:
                return entry
        return None

    def get(self, name: str) -> Any:
        """The object that was added as `name`; None if there is none.

        Raises:
            ArtifactNotLoggedError: The artifact has no version yet.
        """
        self._logged("get")
        entry = self._object_entry(names.path(name)) or self.manifest.entries.get(names.path(name))
        if entry is None:
            return None
        if entry.ref is not None and entry.ref.startswith(OF_VERSION):
            from wandbd._artifact_server import version_by_id

            version, _, inside = entry.ref.removeprefix(OF_VERSION).partition("/")
            return version_by_id(base64_of(version), self._run).get(inside)
        if entry.path.endswith(".table.json"):
            self.download()  # what it names will be wanted, too
        from wandbd.data_types._media import WBValue

        entry._parent_artifact = self  # type: ignore[assignment]
        with open(entry.download(), encoding="utf-8") as file:
            found = WBValue.init_from_json(_loads(file.read()), self)
        if found is not None:
            found._set_artifact_source(self, entry.path)
        return found

    def __getitem__(self, name: str) -> Any:
        """The object that was added as `name`; see `get`."""
        return self.get(name)

    def _root(self, said: str | os.PathLike[str] | None = None, version: bool = True) -> str:
        """Where files go: what was said, else a folder by the name below `./artifacts` or `WANDB_ARTIFACT_DIR`."""
        if said is not None:
            return os.path.abspath(said)
        name = self.source_name if version else self.source_name.partition(":")[0]
        return os.path.join(os.path.abspath(os.environ.get("WANDB_ARTIFACT_DIR") or "artifacts"), name)

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Bring the files to this machine. What else lies in the folder stays.

        Args:
            root: The folder; `./artifacts/<name>:<version>` without it.
            allow_missing_references: Whether references that lead nowhere are only worth a warning.
            skip_cache: Whether to leave the cache alone.
            path_prefix: Only paths that begin so.
            multipart: Has no effect: large files are always fetched in parallel.

        Returns:
            The folder.

        Raises:
            ValueError: A file is not what it should be, or cannot be had.
            ArtifactNotLoggedError: The artifact has no version yet.
        """
        self._logged("download")
        folder = self._root(root)
        prefix = "" if path_prefix is None else os.fspath(path_prefix)
        artifact: Any = self
        download(artifact, folder, None, bool(skip_cache), allow_missing_references, prefix)
        return folder if root is None else os.fspath(root)

    def checkout(self, root: str | None = None) -> str:
        """Make a folder have the files of the version and no others.

        Args:
            root: The folder; `./artifacts/<name>` without it.
        """
        self._logged("checkout")
        folder = root or self._root(version=False)
        for path in _below(folder):
            if os.path.relpath(path, folder).replace(os.sep, "/") not in self.manifest.entries:
                os.remove(path)
        return self.download(root=folder)

    def verify(self, root: str | None = None) -> None:
        """Compare a folder with the version. References are not looked at.

        Args:
            root: The folder; where `download` puts the files without it.

        Raises:
            ValueError: A file is not what it should be, or too much.
        """
        self._logged("verify")
        folder = root or self._root()
        entries = self.manifest.entries
        for path in _below(folder):
            if os.path.relpath(path, folder).replace(os.sep, "/") not in entries:
                raise ValueError(f"Found file {path} which is not a member of artifact {self.name}")
        skipped = 0
        for inside, entry in entries.items():
            if entry.ref is not None:
                skipped += 1
            elif _digest_as(entry, os.path.join(folder, *inside.split("/"))) != entry.digest:
                raise ValueError(f"Digest mismatch for file: {inside}")
        if skipped:
            _say(f"skipped verification of {skipped} refs")

    def file(self, root: str | None = None) -> str:
        """Bring the only file of the version to this machine.

        Raises:
            ValueError: There are several.
        """
        self._logged("file")
        if len(self.manifest.entries) > 1:
            raise ValueError(
                "This artifact contains more than one file, call `.download()` to get all files or call "
                '.get_entry("filename").download()'
            )
        folder = root or os.path.join(".", "artifacts", self.name)
        return self.get_entry(next(iter(self.manifest.entries))).download(folder)

    def files(
        self, names: Sequence[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> Sequence[ArtifactFile]:
        """All files.

        Args:
            names: Only these paths.
            per_page: Has no effect: the list is whole.
            start: Has no effect.
        """
        self._logged("files")
        wanted = None if names is None else set(names)
        entries = self.manifest.entries
        return [ArtifactFile(self.get_entry(path)) for path in sorted(entries) if wanted is None or path in wanted]


def download(
    artifact: Artifact,
    root: str,
    entries: Sequence[ArtifactManifestEntry] | None,
    skip_cache: bool,
    allow_missing: bool,
    prefix: str = "",
) -> None:
    """Bring entries of a version into a folder; without `entries` all whose paths begin with `prefix`.

    Raises:
        ValueError: One is not what it should be, or cannot be had.
    """
    from wandbd._artifact_fetch import fetch
    from wandbd._core_access import core
    from wandbd._term import of_current_run

    facts, terminal = artifact._logged("download"), of_current_run()
    if entries is None and (facts["file_count"] > SPOKEN_FILES or facts["size"] > SPOKEN_BYTES):
        size = f"{facts['size'] / 1048576:.2f}MB"
        terminal.info(f"Downloading large artifact {artifact.name!r}, {size}. {facts['file_count']} files...")
    os.makedirs(root, exist_ok=True)
    fields = {
        **asking(artifact._run),
        "id": artifact.id,
        "root": root,
        "path": [entry.path for entry in entries or ()],
        "prefix": prefix,
        "skip_cache": skip_cache,
        "allow_missing_references": allow_missing,
        "cache": cache(),
    }

    def tick(progress: dict[str, Any]) -> None:
        done, total = progress.get("bytes", 0), progress.get("bytes_total", 0)
        terminal.progress(f"downloading {artifact.name}, {done / 1048576:.1f} of {total / 1048576:.1f} MB")

    try:
        answer = core().download_artifact(fields, tick)
    finally:
        terminal.end_progress()
    if answer.get("error"):
        raise ValueError(f"cannot download {artifact.name}: {answer['error']}")
    if not answer.get("done"):
        raise CommError(f"cannot download {artifact.name}: the daemon did not go on to the end")
    for path in answer.get("reference") or ():
        entry = artifact.manifest.entries[path]
        try:
            fetch(artifact, entry, os.path.join(root, *path.split("/")))
        except (OSError, ValueError) as error:
            if not allow_missing:
                raise
            terminal.warn(str(error))


def cache() -> str:
    """Where downloaded files are kept for the next time, as W&B has it."""
    said = os.environ.get("WANDB_CACHE_DIR")
    if not said:
        mac = os.path.join("~", "Library", "Caches")
        users = mac if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
        said = os.path.join(users, "wandb")
    return os.path.join(os.path.abspath(os.path.expanduser(said)), "artifacts")


def _digest_as(entry: ArtifactManifestEntry, path: str) -> str:
    """The digest of a file by the algorithm of its entry."""
    if entry.extra.get("alg") != "XXH128":
        return md5_of(path)
    import base64
    from importlib import import_module

    try:
        hasher = import_module("xxhash").xxh3_128()
    except ImportError:
        raise UnsupportedError(f"{entry.path} has a digest by XXH128; `pip install xxhash` to verify it") from None
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return base64.b64encode(hasher.digest()).decode()


def _loads(text: str) -> Any:
    import json

    return json.loads(text)


def _below(folder: str) -> Iterator[str]:
    for parent, _, files in os.walk(folder):
        for file in files:
            yield os.path.join(parent, file)


def _say(line: str) -> None:
    from wandbd._term import of_current_run

    of_current_run().warn(line)
