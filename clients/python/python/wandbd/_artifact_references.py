"""References: entries of an artifact that stay where they are, and how their digests are found.

`file://` is read by the daemon, `http(s)://` is asked by it before the upload, `s3://` and `gs://` are asked at once by
their own libraries, which have the credentials. Any other address is its own digest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse
from urllib.request import Request, url2pathname, urlopen

from wandbd._artifact_entry import ArtifactManifestEntry, base64_of, hex_of, md5_of_text
from wandbd._errors import CommError, Error

MAX_OBJECTS = 10_000_000
ANSWER_S = 60.0
"""How long a server of references may take for one answer."""

Options = tuple[bool, int]
"""Whether to ask for digests, and how many objects at most."""


def entries(uri: str, name: str | None, checksum: bool, max_objects: int | None) -> list[ArtifactManifestEntry]:
    """All entries that `uri` stands for.

    Raises:
        ValueError: There is no such thing, or there are too many.
        Error: A library is missing.
    """
    scheme = urlparse(uri).scheme
    if not scheme:
        raise ValueError("References must be URIs. To reference a local file, use file://")
    options = (checksum, max_objects or MAX_OBJECTS)
    by_scheme: dict[str, Callable[[str, str | None, Options], list[ArtifactManifestEntry]]] = {
        "file": _files,
        "http": _web,
        "https": _web,
        "s3": _s3,
        "gs": _gcs,
        "wandb-artifact": _of_version,
        "wandb-client-artifact": _of_draft,
    }
    return by_scheme.get(scheme, _unknown)(uri, name, options)


def _unknown(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    if name is None:
        raise ValueError(f'You must pass name="<entry_name>" when tracking references with unknown schemes. ref: {uri}')
    _say(f"Artifact references with unsupported schemes cannot be checksummed: {uri}")
    return [ArtifactManifestEntry(name, uri, uri)]


def _say(line: str) -> None:
    from wandbd._term import of_current_run

    of_current_run().warn(line)


def local_path(uri: str) -> str:
    """The path that `file://...` means."""
    return url2pathname(urlparse(uri).path) if uri.startswith("file:") else uri


def _files(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    checksum, most = options
    base = local_path(uri)
    if os.path.isfile(base):
        return [_file(name or os.path.basename(base), uri, base, checksum)]
    if not os.path.isdir(base):
        raise ValueError(f"Path {uri!r} must be a valid file or directory path")
    found: list[ArtifactManifestEntry] = []
    for path in _walk(base):
        if len(found) >= most:
            raise ValueError(f"Exceeded {most} objects tracked, pass max_objects to add_reference")
        below = os.path.relpath(path, base)
        found.append(_file(os.path.join(name or "", below), os.path.join(uri, below), path, checksum))
    return found


def _walk(base: str) -> Iterator[str]:
    for folder, _, files in os.walk(base):
        for file in files:
            yield os.path.join(folder, file)


def _file(name: str, uri: str, path: str, checksum: bool) -> ArtifactManifestEntry:
    digest = None if checksum else md5_of_text(Path(path).resolve().as_uri())
    return ArtifactManifestEntry(name.replace(os.sep, "/"), digest, uri, None, os.path.getsize(path))


def _web(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    name = name or os.path.basename(uri)
    if not options[0]:
        return [ArtifactManifestEntry(name, uri, uri)]
    entry = ArtifactManifestEntry(name, None, uri)
    entry._ask = True
    return [entry]


def ask_server(uri: str) -> tuple[str, int | None, dict[str, Any]]:
    """Digest, size and more of an address of the web, as its server says them.

    Raises:
        CommError: It does not say.
    """
    try:
        with urlopen(Request(uri, method="HEAD"), timeout=ANSWER_S) as answer:
            tag, length = answer.headers.get("ETag"), answer.headers.get("Content-Length")
    except (OSError, ValueError) as error:
        raise CommError(f"cannot ask for the digest of {uri}: {error}") from error
    return (tag.strip('"') if tag else uri), (int(length) if length else None), ({"etag": tag} if tag else {})


def _parts(uri: str) -> tuple[str, str, str | None]:
    """Bucket, key and version."""
    url = urlparse(uri)
    version = parse_qs(url.query).get("versionId", [""])[0] or url.fragment or None
    return url.netloc, url.path.lstrip("/"), version


def _s3(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    bucket, key, version = _parts(uri)
    base = f"s3://{bucket}/{key}"
    if not options[0]:
        return [ArtifactManifestEntry(name or key or bucket, base, base)]
    s3, errors = s3_service()
    objects = [s3.ObjectVersion(bucket, key, version).Object() if version else s3.Object(bucket, key)]
    many = not key
    if key:
        try:
            objects[0].load()
            many = "x-directory" in (objects[0].content_type or "")
        except errors.ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise CommError(f"cannot read {uri}: {error}. Check the credentials and the region.") from error
            many = True
    if many:
        inside = s3.Bucket(bucket).objects
        objects = list((inside.filter(Prefix=key) if key else inside).limit(options[1] + 1))
        _not_too_many(objects, options)
    sized = [item for item in objects if _size(item) > 0]
    return [_s3_entry(s3, item, base, key, name, many) for item in sized]


def _size(item: Any) -> int:
    return int(item.size if hasattr(item, "size") else item.content_length)


def _s3_entry(s3: Any, item: Any, base: str, key: str, name: str | None, many: bool) -> ArtifactManifestEntry:
    path, ref = _placed(item.key, base, key, name, many)
    tag = item.e_tag[1:-1]
    extra = {"etag": tag}
    whole = item if hasattr(item, "version_id") else s3.Object(item.bucket_name, item.key)
    version = getattr(whole, "version_id", None)
    if version and version != "null":
        extra["versionID"] = version
    return ArtifactManifestEntry(path, tag, ref, None, _size(item), extra)


def _placed(found: str, base: str, key: str, name: str | None, many: bool) -> tuple[str, str]:
    """The path and the address of an object below `key`."""
    whole, prefix = PurePosixPath(found), PurePosixPath(key)
    below = whole.relative_to(prefix) if prefix in whole.parents else None
    if below is None or not (many or name is None):
        return name or whole.name, base
    return str(PurePosixPath(name or "") / below), f"{base.rstrip('/')}/{below}"


def _not_too_many(objects: list[Any], options: Options) -> None:
    if len(objects) > options[1]:
        raise ValueError(f"Exceeded {options[1]} objects tracked, pass max_objects to add_reference")


def s3_service() -> tuple[Any, Any]:
    """The S3 library's resource, and its errors.

    Raises:
        Error: It is not installed.
    """
    from importlib import import_module

    try:
        boto3, errors = import_module("boto3"), import_module("botocore.exceptions")
    except ImportError:
        raise Error("s3:// references requires the boto3 library, install it with `pip install boto3`") from None
    return boto3.resource("s3", endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL")), errors


def _gcs(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    bucket_name, key, version = _parts(uri)
    base = f"gs://{bucket_name}/{key}"
    if not options[0]:
        return [ArtifactManifestEntry(name or key, base, base)]
    bucket = gcs_client().bucket(bucket_name)
    blob = bucket.get_blob(key, generation=version)
    if blob is None and version is not None:
        raise ValueError(f"Object does not exist: {base}#{version}")
    many = blob is None or blob.name.endswith("/")
    blobs = list(bucket.list_blobs(prefix=key, max_results=options[1] + 1)) if many else [blob]
    _not_too_many(blobs, options)
    found = []
    for item in blobs:
        if not item.name.endswith("/"):
            path, ref = _placed(item.name, base, key, name, many)
            found.append(ArtifactManifestEntry(path, item.etag, ref, None, item.size, {"versionID": item.generation}))
    return found


def gcs_client() -> Any:
    """A client of Google's library.

    Raises:
        Error: It is not installed.
    """
    from importlib import import_module

    try:
        storage = import_module("google.cloud.storage")
    except ImportError:
        raise Error(
            "gs:// references requires the google-cloud-storage library, install it with "
            "`pip install google-cloud-storage`"
        ) from None
    return storage.Client()


def _of_version(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    """An entry of another version; followed until it is a file."""
    from wandbd._artifact_server import version_by_id

    at: str | None = uri
    entry, ref = None, uri
    while at is not None and urlparse(at).scheme == "wandb-artifact":
        url = urlparse(at)
        path = unquote(url.path.removeprefix("/"))
        artifact = version_by_id(base64_of(url.netloc))
        entry = artifact.manifest.get_entry_by_path(path)
        if entry is None:
            raise ValueError(f"{artifact.name} has no entry {path!r}")
        ref = f"wandb-artifact://{hex_of(str(artifact.id))}/{path}"
        at = entry.ref
    assert entry is not None
    return [ArtifactManifestEntry(name or os.path.basename(ref), entry.digest, ref, None, 0)]


def _of_draft(uri: str, name: str | None, options: Options) -> list[ArtifactManifestEntry]:
    """An entry of another artifact of this process, whose version comes to be known later."""
    from wandbd._artifact import with_client_id

    url = urlparse(uri)
    path = unquote(url.path.removeprefix("/"))
    artifact = with_client_id(url.netloc)
    entry = artifact.manifest.get_entry_by_path(path) if artifact is not None else None
    if entry is None:
        raise ValueError(f"{uri} is no entry of an artifact of this process")
    return [ArtifactManifestEntry(name or os.path.basename(uri), entry.digest, uri, None, 0)]
