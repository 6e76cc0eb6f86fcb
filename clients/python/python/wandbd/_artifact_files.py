"""How the files of a version come to this machine: the daemon downloads, references are fetched from where they are."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import urlopen

from wandbd import _artifact_names as names
from wandbd._artifact_contents import Contents
from wandbd._artifact_entry import ArtifactManifest, ArtifactManifestEntry, base64_of, hex_of, md5_of
from wandbd._artifact_server import asking, get
from wandbd._errors import CommError, UnsupportedError

if TYPE_CHECKING:
    from wandbd._artifact import Artifact

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
        return ArtifactManifest.from_manifest_json(json.loads(text))

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
        if entry.ref is not None and urlparse(entry.ref).scheme == "wandb-artifact":
            from wandbd._artifact_server import version_by_id

            url = urlparse(entry.ref)
            return version_by_id(base64_of(url.netloc), self._run).get(url.path.removeprefix("/"))
        if entry.path.endswith(".table.json"):
            self.download()  # what it names will be wanted, too
        from wandbd.data_types._media import WBValue

        entry._parent_artifact = self  # type: ignore[assignment]
        with open(entry.download(), encoding="utf-8") as file:
            found = WBValue.init_from_json(json.load(file), self)
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
            _fetch(artifact, entry, os.path.join(root, *path.split("/")))
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


def _fetch(artifact: Artifact, entry: ArtifactManifestEntry, target: str) -> None:
    """Bring what a reference points at to this machine.

    Raises:
        FileNotFoundError: It is gone.
        ValueError: It is another one now, or nobody knows how to read it.
    """
    from wandbd import _artifact_references as references

    address = str(entry.ref)
    scheme = urlparse(address).scheme
    os.makedirs(os.path.dirname(target), exist_ok=True)
    part = f"{target}.{os.getpid()}.part"
    try:
        if scheme == "file":
            _fetch_file(entry, references.local_path(address), part)
        elif scheme in ("http", "https"):
            _fetch_web(entry, address, part)
        elif scheme == "s3":
            _fetch_s3(entry, references._parts(address), part)
        elif scheme == "gs":
            _fetch_gcs(entry, references._parts(address), part)
        elif scheme == "wandb-artifact":
            from wandbd._artifact_server import version_by_id

            url = urlparse(address)
            other = version_by_id(base64_of(url.netloc), artifact._run)
            shutil.copyfile(other.get_entry(url.path.removeprefix("/")).download(), part)
        else:
            raise ValueError(f"Cannot download file at path {address}, scheme {scheme} not recognized")
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def _fetch_file(entry: ArtifactManifestEntry, path: str, part: str) -> None:
    known = hex_of(entry.digest)
    kept = os.path.join(cache(), "obj", "md5", known[:2], known[2:])
    if os.path.exists(kept):
        shutil.copyfile(kept, part)
        if md5_of(part) == entry.digest:
            return
    if not os.path.exists(path):
        raise ValueError(f"Local file reference: Failed to find file at path {path!r}")
    shutil.copyfile(path, part)
    found = md5_of(part)
    if found != entry.digest:
        raise ValueError(
            f"Local file reference: Digest mismatch for path {path!r}: expected {entry.digest!r} but found {found!r}"
        )


def _fetch_web(entry: ArtifactManifestEntry, address: str, part: str) -> None:
    with urlopen(address) as answer, open(part, "wb") as file:
        found = (answer.headers.get("ETag") or address).strip('"')
        if found != entry.digest:
            raise ValueError(f"Digest mismatch for url {address!r}: expected {entry.digest!r} but found {found!r}")
        shutil.copyfileobj(answer, file, 1 << 20)


def _fetch_s3(entry: ArtifactManifestEntry, where: tuple[str, str, str | None], part: str) -> None:
    from wandbd._artifact_references import s3_service

    service, errors = s3_service()
    version = entry.extra.get("versionID")
    item = service.Object(where[0], where[1])
    options = {"VersionId": version} if version else {}
    try:
        found = item.meta.client.head_object(Bucket=where[0], Key=where[1], **options)["ETag"].strip('"')
    except errors.ClientError as error:
        raise FileNotFoundError(f"Unable to find {entry.path} at s3://{where[0]}/{where[1]}: {error}") from error
    if found != entry.digest:
        raise ValueError(f"Digest mismatch for object {entry.ref}: expected {entry.digest} but found {found}")
    with open(part, "wb") as file:
        item.download_fileobj(file, ExtraArgs=options)


def _fetch_gcs(entry: ArtifactManifestEntry, where: tuple[str, str, str | None], part: str) -> None:
    from wandbd._artifact_references import gcs_client

    blob = gcs_client().bucket(where[0]).get_blob(where[1], generation=entry.extra.get("versionID"))
    if blob is None:
        raise FileNotFoundError(f"Unable to download object {entry.ref!r}")
    if blob.etag != entry.digest:
        raise ValueError(f"Digest mismatch for object {entry.ref!r}: expected {entry.digest!r} but found {blob.etag!r}")
    blob.download_to_filename(part)


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


def _below(folder: str) -> Iterator[str]:
    for parent, _, files in os.walk(folder):
        for file in files:
            yield os.path.join(parent, file)


def _say(line: str) -> None:
    from wandbd._term import of_current_run

    of_current_run().warn(line)
