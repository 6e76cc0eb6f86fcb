"""What all of W&B's data types share: how they are sent to the daemon, and how rows and artifacts name them.

An object is a snapshot: it keeps a copy of the data that it was made of, or the path of a file. When it is logged, one
`Media` record with the raw data goes out, once per run; the row holds a place, `{"$wandbd": id}`, that the daemon
fills with what it has made: path, digest, size.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from wandbd.data_types._types import Type


PLACE = "$wandbd"


class NoRoom(Exception):
    """The buffer of the run is full: the value is left out, and counted."""


class Sender:
    """Where a value goes: a run of the core, and the key under which it is logged."""

    __slots__ = ("key", "path", "run")

    def __init__(self, run: Any, key: str, path: str | None = None) -> None:
        """Send to `run`, under the innermost name `key` of the whole `path`."""
        self.run = run
        self.key = key
        self.path = path or key


class Target:
    """The entry of an artifact that an object was added to."""

    __slots__ = ("artifact", "client_id", "name", "sequence_client_id")

    def __init__(
        self, artifact: Any, name: str, client_id: str | None = None, sequence_client_id: str | None = None
    ) -> None:
        """The entry `name` of `artifact`, or of one that is known by its ids."""
        self.artifact = artifact
        self.name = name
        self.client_id = client_id or getattr(artifact, "_client_id", None)
        self.sequence_client_id = sequence_client_id or getattr(artifact, "_sequence_client_id", None)


class Source:
    """The artifact that an object was read from."""

    __slots__ = ("artifact", "name")

    def __init__(self, artifact: Any, name: str | None = None) -> None:
        """The entry `name` of `artifact`."""
        self.artifact = artifact
        self.name = name


class WBValue:
    """A value that W&B shows in its own way."""

    _log_type: ClassVar[str | None] = None
    _column_type: ClassVar[str | None] = None
    """Name of its type in tables; None: it is any object there."""

    def __init__(self) -> None:
        """Belongs to no artifact yet."""
        self._artifact_source: Source | None = None
        self._artifact_target: Target | None = None
        self._sent: dict[str, str] = {}

    # Sending

    def _send(self, to: Sender) -> str:
        """The id of this object in the run, which gets the data if it has not got it yet."""
        session = str(to.run.session)
        known = self._sent.get(session)
        if known is None:
            known = new_id()
            row, artifact = self._row_object(to), self._artifact_in(to)
            fields = {
                "id": known,
                "row_json": dumps(row),
                "artifact_json": json.dumps(plain(artifact), sort_keys=True),
                **self._content(known, to),
            }
            if to.run.media(fields) is False:
                raise NoRoom
            self._sent[session] = known
        return known

    def _place(self, to: Sender, what: str | None = None) -> dict[str, str]:
        place = {PLACE: self._send(to)}
        if what is not None:
            place["as"] = what
        return place

    def _in_row(self, to: Sender) -> Any:
        """What stands in the row."""
        self._labels(to)
        return self._place(to)

    def _row_object(self, to: Sender) -> dict[str, Any]:
        return {"_type": self._log_type}

    def _artifact_object(self) -> dict[str, Any]:
        return {"_type": self._log_type}

    def _artifact_in(self, to: Sender) -> dict[str, Any]:
        """The object in an artifact, with the places of other objects."""
        return self._artifact_object()

    def _artifact_media(self, run: Any, key: str) -> str:
        """The id of this object in the run of the core `run`, for an artifact that it logs; see `artifact_files`."""
        return self._send(Sender(run, key))

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        """Fields of `Media`: `dir`, `extension` and the data."""
        return {}

    def _labels(self, to: Sender) -> None:
        """Say in the config of the run what belongs there."""

    def _extras(self) -> Iterator[tuple[str, WBValue]]:
        """What else an artifact must hold for this object: paths and objects."""
        yield from ()

    def _references(self) -> Iterator[dict[str, Any]]:
        """Entries of other artifacts that an artifact must name for this object."""
        yield from ()

    def _check_artifact(self, entries: Any) -> None:
        """Look whether an artifact with these other paths can hold this object.

        Raises:
            ValueError: It cannot.
        """

    def to_json(self, run_or_artifact: Any = None) -> dict[str, Any]:
        """The JSON form as far as it is known here: paths and digests come to be in the daemon."""
        return self._artifact_object()

    # Reading

    @classmethod
    def with_suffix(cls, name: str, filetype: str = "json") -> str:
        """The path of an object of this type that is added to an artifact as `name`."""
        suffix = f"{cls._log_type}.{filetype}" if cls._log_type is not None else filetype
        return name if name.endswith(suffix) else f"{name}.{suffix}"

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> WBValue:
        """The object that an artifact holds."""
        raise NotImplementedError

    @staticmethod
    def init_from_json(json_obj: Mapping[str, Any], source_artifact: Any) -> WBValue | None:
        """The object of any type that an artifact holds; None for a type that is not known."""
        kind = WBValue.type_mapping().get(str(json_obj.get("_type")))
        if kind is None:
            return None
        return kind.from_json(json_obj, source_artifact)

    @staticmethod
    def type_mapping() -> dict[str, type[WBValue]]:
        """All types by the name that they have in JSON."""
        import wandbd.data_types as all_types

        all_types._load()
        found: dict[str, type[WBValue]] = {}
        waiting: list[type[WBValue]] = [WBValue]
        while waiting:
            kind = waiting.pop()
            if kind._log_type is not None:
                found.setdefault(kind._log_type, kind)
            waiting.extend(kind.__subclasses__())
        return found

    def to_data_array(self) -> list[Any]:
        """The data as lists of plain values."""
        raise NotImplementedError

    def _type(self) -> Type:
        """Its type in a table."""
        from wandbd.data_types._types import ByName, PythonObject

        return ByName(self._column_type) if self._column_type is not None else PythonObject(type(self).__name__)

    # Artifacts

    def _set_artifact_source(self, artifact: Any, name: str | None = None) -> None:
        self._artifact_source = Source(artifact, name)

    def _set_artifact_target(self, artifact: Any, name: str | None = None) -> None:
        self._artifact_target = Target(artifact, name or "")

    def _get_artifact_entry_ref_url(self) -> str | None:
        """Where an artifact holds this very object."""
        source, target = self._artifact_source, self._artifact_target
        if source is not None and source.name:
            return str(source.artifact.get_entry(self.with_suffix(source.name)).ref_url())
        if target is not None and target.name and target.client_id:
            return f"wandb-client-artifact://{target.client_id}/{self.with_suffix(target.name)}"
        return None

    def _get_artifact_entry_latest_ref_url(self) -> str | None:
        target = self._artifact_target
        if target is not None and target.name and target.sequence_client_id:
            return f"wandb-client-artifact://{target.sequence_client_id}:latest/{self.with_suffix(target.name)}"
        return None

    def _artifact_paths(self) -> dict[str, str]:
        paths = {}
        for name, url in (
            ("artifact_path", self._get_artifact_entry_ref_url()),
            ("_latest_artifact_path", self._get_artifact_entry_latest_ref_url()),
        ):
            if url is not None:
                paths[name] = url
        return paths

    def __eq__(self, other: object) -> bool:
        """Only with itself."""
        return self is other

    __hash__ = object.__hash__


class Media(WBValue):
    """A value with a file."""

    _dir: ClassVar[str] = ""

    def __init__(self, caption: str | None = None) -> None:
        """Without a file yet."""
        super().__init__()
        self._caption = caption
        self._path: str | None = None

    @classmethod
    def get_media_subdir(cls) -> str:
        """The folder of its files in the run."""
        return f"media/{cls._dir}"

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> WBValue:
        """The object that an artifact holds."""
        return cls(source_artifact.get_entry(json_obj["path"]).download())

    @staticmethod
    def captions(media_items: Sequence[Media]) -> bool | list[str | None]:
        """The captions of all, or False if the first has none."""
        return [item._caption for item in media_items] if media_items[0]._caption is not None else False

    @staticmethod
    def path_is_reference(path: str | os.PathLike[str] | None) -> bool:
        """Whether it is an address outside this machine."""
        return isinstance(path, str) and path.startswith(("gs://", "s3://", "http://", "https://"))

    def _base(self) -> dict[str, Any]:
        return {} if self._caption is None else {"caption": self._caption}

    def _row_object(self, to: Sender) -> dict[str, Any]:
        return {**self._base(), "_type": self._log_type, **self._artifact_paths()}

    def _artifact_object(self) -> dict[str, Any]:
        return {**self._base(), "_type": self._log_type}


class BatchableMedia(Media):
    """A value that has a form of its own in lists."""

    MAX_ITEMS: ClassVar[int] = 0
    """How many of them a list may have; 0: any number."""

    @classmethod
    def _list_in_row(cls, items: Sequence[Any], to: Sender) -> Any:
        """What stands in the row for a list of them."""
        return [item._in_row(to) for item in items]


def new_id() -> str:
    """An id for a `Media` that no other of its run has."""
    return os.urandom(12).hex()


def plain(value: Any) -> Any:
    """`value` with nothing but JSON's own types in it.

    Raises:
        TypeError: Something in it has no JSON form.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    from wandbd._values import convert

    return convert(value)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def dumps(value: Any) -> str:
    """JSON text; NaN and infinities are bare words."""
    return json.dumps(plain(value))


def compact(value: Any) -> str:
    """JSON text as W&B writes it to files: without spaces, in UTF-8."""
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


def artifact_files(obj: WBValue, path: str, run: Any, entries: Any = ()) -> list[dict[str, Any]]:
    """Send an object that was added to an artifact, and what belongs to it.

    Args:
        obj: The object.
        path: Of its entry, with its suffix.
        run: The run of the core that logs the artifact.
        entries: All other paths of the artifact.

    Returns:
        Entries of `wandbd.v1.Artifact.file`, that of `obj` first; no path twice.
    """
    to = Sender(run, os.path.basename(path))
    files: dict[str, dict[str, Any]] = {}
    waiting: list[tuple[str, WBValue]] = [(path, obj)]
    while waiting:
        at, value = waiting.pop()
        if at in files or (at != path and at in entries):
            continue
        value._check_artifact(entries)
        files[at] = {"path": at, "media": value._send(to)}
        files.update({found["path"]: found for found in value._references()})
        waiting.extend(value._extras())
    return list(files.values())


_said: dict[tuple[str, str, str], str] = {}


def say_in_config(to: Sender, kind: str, key: str, value: Any) -> None:
    """Write `_wandb.<kind>.<key>` of the run's config, unless it is so already."""
    text = dumps(value)
    place = (str(to.run.session), kind, key)
    if _said.get(place) != text:
        to.run.config({"_wandb": {kind: {key: json.loads(text)}}})
        _said[place] = text
