"""`Classes`: the names of class ids, as artifacts hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandbd.data_types._media import Media, WBValue, plain

if TYPE_CHECKING:
    from wandbd.data_types._types import Type


class Classes(Media):
    """Names of classes for pictures and tables in artifacts."""

    _log_type = "classes"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        """Take a list of `{"id": ..., "name": ...}`."""
        super().__init__()
        for item in class_set:
            assert "id" in item and "name" in item
        self._class_set = class_set

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any = None) -> Classes:
        """The classes that an artifact holds."""
        return cls(json_obj["class_set"])

    def _artifact_object(self) -> dict[str, Any]:
        return {"_type": self._log_type, "class_set": plain(self._class_set)}

    def _row_object(self, to: Any) -> dict[str, Any]:
        return self._artifact_object()

    def _file(self, path: str) -> dict[str, str]:
        """How another object of the same artifact names it."""
        text = json.dumps(self._artifact_object(), sort_keys=True)
        from base64 import b64encode
        from hashlib import md5

        digest = md5(text.encode(), usedforsecurity=False).digest()
        return {"type": "classes-file", "path": path, "digest": b64encode(digest).decode()}

    def _picture_path(self) -> str:
        """Where the artifact of a picture holds it."""
        from hashlib import md5

        name = md5(str(self._class_set).encode(), usedforsecurity=False).hexdigest()
        return f"media/classes/{name}_cls.classes.json"

    def get_type(self) -> Type:
        """The type of a column of these ids."""
        from wandbd.data_types._columns import ClassesId

        return ClassesId(self)

    def _type(self) -> Type:
        return self.get_type()

    @staticmethod
    def _empty_type() -> Type:
        from wandbd.data_types._columns import ClassesId

        return ClassesId()

    def __eq__(self, other: object) -> bool:
        """With the same set."""
        return isinstance(other, Classes) and self._class_set == other._class_set

    __hash__ = WBValue.__hash__
