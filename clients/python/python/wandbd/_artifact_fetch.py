"""How what a reference points at comes to this machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlparse
from urllib.request import urlopen

from wandbd._artifact_entry import ArtifactManifestEntry, base64_of, hex_of, md5_of
from wandbd._artifact_files import cache

if TYPE_CHECKING:
    from wandbd._artifact import Artifact


def fetch(artifact: Artifact, entry: ArtifactManifestEntry, target: str) -> None:
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
