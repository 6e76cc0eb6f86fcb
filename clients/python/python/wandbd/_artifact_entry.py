"""What an artifact holds: its entries and its manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandbd._artifact import Artifact

POLICY = "wandb-storage-policy-v1"
_PIECE = 1 << 20
_UNFINISHED = (".wandbd-part", ".wandbd-from")


class ArtifactManifestEntry:
    """One file of an artifact, or one reference. Made by the methods of `Artifact`."""

    __slots__ = (
        "_ask", "_digest", "_media", "_parent_artifact", "_staged", "birth_artifact_id", "extra", "local_path", "path",
        "ref", "size", "skip_cache",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        digest: str | None = None,
        ref: str | None = None,
        birth_artifact_id: str | None = None,
        size: int | None = None,
        extra: Mapping[str, Any] | None = None,
        local_path: str | None = None,
        skip_cache: bool = False,
    ) -> None:
        """An entry at `path`; without a digest it is found out when somebody asks."""
        self.path = path
        self.ref = ref
        self.birth_artifact_id = birth_artifact_id
        self.size = size
        self.extra: dict[str, Any] = dict(extra or {})
        self.local_path = local_path
        self.skip_cache = bool(skip_cache)
        self._digest = digest
        self._staged = False
        self._ask = False
        self._media: Any = None
        self._parent_artifact: Artifact | None = None

    @property
    def name(self) -> str:
        """The same as `path`; old."""
        return self.path

    @property
    def digest(self) -> str:
        """Of a file the MD5 of its content in base64, of a reference what its server says; read when it is asked for.

        Raises:
            FileNotFoundError: The file is gone.
            ArtifactNotLoggedError: It is made when the artifact is logged.
        """
        if self._digest is None:
            self._digest = self._found_out()
        return self._digest

    @digest.setter
    def digest(self, digest: str) -> None:
        self._digest = digest

    def _found_out(self) -> str:
        if self._media is not None:
            from wandbd._artifact_errors import ArtifactNotLoggedError

            raise ArtifactNotLoggedError("ArtifactManifestEntry.digest", self)
        if self._ask:
            from wandbd._artifact_references import ask_server

            digest, self.size, extra = ask_server(str(self.ref))
            self.extra.update(extra)
            return digest
        if self.ref is not None:
            from wandbd._artifact_references import local_path

            return md5_of(local_path(self.ref))
        return md5_of(_complete(str(self.local_path)))

    def parent_artifact(self) -> Artifact:
        """The artifact that it belongs to."""
        if self._parent_artifact is None:
            raise NotImplementedError
        return self._parent_artifact

    def download(self, root: str | None = None, skip_cache: bool | None = None, executor: Any = None) -> str:
        """Bring the file to this machine.

        Args:
            root: The folder; that of the artifact without it.
            skip_cache: Whether to leave the cache alone.
            executor: Has no effect: wandbd downloads in parallel.

        Returns:
            Its path.
        """
        from wandbd._artifact_files import download

        artifact = self.parent_artifact()
        folder = artifact._root(root)
        download(artifact, folder, [self], bool(skip_cache), False)
        return os.path.join(folder, *self.path.split("/"))

    def ref_target(self) -> str:
        """The address that the reference points at.

        Raises:
            ValueError: It is no reference.
        """
        if self.ref is None:
            raise ValueError("Only reference entries support ref_target().")
        return self.ref

    def ref_url(self) -> str:
        """An address of this entry that other artifacts can refer to.

        Raises:
            ValueError: The artifact has no version yet.
        """
        artifact = self.parent_artifact()
        if artifact.id is None:
            raise ValueError("Parent artifact ID is not set")
        return f"wandb-artifact://{hex_of(artifact.id)}/{self.path}"

    def to_json(self) -> dict[str, Any]:
        """All that is set, by name."""
        found = {
            "path": self.path,
            "digest": self.digest,
            "ref": self.ref,
            "birthArtifactID": self.birth_artifact_id,
            "size": self.size,
            "extra": self.extra,
            "local_path": self.local_path,
            "skip_cache": self.skip_cache,
        }
        return {key: value for key, value in found.items() if value is not None}

    def _in_manifest(self) -> dict[str, Any]:
        found = {
            "digest": self.digest,
            "ref": self.ref,
            "birthArtifactID": self.birth_artifact_id,
            "size": self.size,
            "extra": self.extra or None,
        }
        return {key: value for key, value in found.items() if value is not None}

    def _fields(self) -> tuple[str, str, bool] | dict[str, Any]:
        """The `Artifact.File` of it, for the core."""
        if self._media is None and self.ref is None and self.local_path is not None:
            if not self.skip_cache and not self.extra:
                return self.path, self.local_path, self._staged
            fields: dict[str, Any] = {"path": self.path, "source": self.local_path, "staged": self._staged}
        elif self.ref is not None:
            fields = {"path": self.path, "reference": self.ref, "ask": self._ask}
        else:
            fields = {"path": self.path, "birth_id": self.birth_artifact_id or ""}
        if self.local_path is None:
            fields.update(digest=self._digest or "", size=self.size or 0)
        if self.extra:
            import json

            fields["extra_json"] = json.dumps(self.extra)
        return {**fields, "skip_cache": self.skip_cache}

    def __eq__(self, other: object) -> bool:
        """Whether it says the same."""
        if not isinstance(other, ArtifactManifestEntry):
            return NotImplemented
        return self is other or (self.path == other.path and self.to_json() == other.to_json())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """What is known without reading anything."""
        known = {"path": self.path, "digest": self._digest, "ref": self.ref, "size": self.size}
        said = ", ".join(f"{name}={value!r}" for name, value in known.items() if value is not None)
        return f"ArtifactManifestEntry({said})"


class ArtifactManifest:
    """All entries of an artifact by their paths."""

    def __init__(self, entries: Mapping[str, ArtifactManifestEntry] | None = None, region: str | None = None) -> None:
        """Begin with these entries."""
        self.entries: dict[str, ArtifactManifestEntry] = dict(entries or {})
        self.storage_region = region

    @classmethod
    def version(cls) -> int:
        """Of the form that is written."""
        return 1

    @classmethod
    def from_manifest_json(cls, manifest_json: Mapping[str, Any]) -> ArtifactManifest:
        """The manifest that was written as JSON.

        Raises:
            ValueError: It is of a form that is not known.
        """
        if manifest_json.get("version") != 1:
            raise ValueError("Invalid manifest version.")
        entries = {
            path: ArtifactManifestEntry(
                path,
                said["digest"],
                said.get("ref"),
                said.get("birthArtifactID"),
                said.get("size"),
                said.get("extra"),
                None,
                said.get("skip_cache", False),
            )
            for path, said in manifest_json.get("contents", {}).items()
        }
        config = manifest_json.get("storagePolicyConfig") or {}
        return cls(entries, config.get("storageRegion"))

    def to_manifest_json(self) -> dict[str, Any]:
        """As `wandb_manifest.json` has it."""
        config = {"storageRegion": self.storage_region} if self.storage_region else {}
        return {
            "version": 1,
            "storagePolicy": POLICY,
            "storagePolicyConfig": {**config, "storageLayout": "V2"},
            "contents": {path: entry._in_manifest() for path, entry in self.entries.items()},
        }

    def digest(self) -> str:
        """The MD5 of all paths and digests, which tells versions apart."""
        import hashlib

        hasher = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        for path in sorted(self.entries):
            hasher.update(f"{path}:{self.entries[path].digest}\n".encode())
        return hasher.hexdigest()

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(entry.size for entry in self.entries.values() if entry.size)

    def add_entry(self, entry: ArtifactManifestEntry, overwrite: bool = False) -> None:
        """Add an entry.

        Raises:
            ValueError: There is another one at its path.
        """
        from wandbd import _artifact_names

        entry.path = _artifact_names.path(entry.path)
        before = self.entries.get(entry.path)
        if before is not None and not overwrite and before.digest != entry.digest:
            raise ValueError(f"Cannot add the same path twice: {entry.path!r}")
        self.entries[entry.path] = entry

    def remove_entry(self, entry: ArtifactManifestEntry) -> None:
        """Remove an entry.

        Raises:
            FileNotFoundError: It is not there.
        """
        if self.entries.pop(entry.path, None) is None:
            raise FileNotFoundError(f"Cannot remove missing entry: {entry.path!r}")

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """The entry at `path`."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """All entries below a folder."""
        return [entry for path, entry in self.entries.items() if path.startswith(f"{directory}/")]

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self.entries)


def _complete(path: str) -> str:
    """A copy that the daemon is still making has its name only when it is complete."""
    import time

    while not os.path.exists(path) and any(
        os.path.exists(path + ending) for ending in (".wandbd-part", ".wandbd-from")
    ):
        time.sleep(0.005)
    return path


def md5_of(path: str) -> str:
    """The MD5 of a file, in base64."""
    import base64
    import hashlib

    hasher = hashlib.md5(usedforsecurity=False)
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(piece):
            hasher.update(view[:count])
    return base64.b64encode(hasher.digest()).decode()


def md5_of_text(text: str) -> str:
    """The MD5 of a text, in base64."""
    import base64
    import hashlib

    return base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def hex_of(text: str) -> str:
    """What base64 says, in hexadecimal."""
    import base64

    return base64.b64decode(text).hex()


def base64_of(text: str) -> str:
    """What hexadecimal says, in base64."""
    import base64

    return base64.b64encode(bytes.fromhex(text)).decode()
