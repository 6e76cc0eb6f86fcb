"""`BoundingBoxes2D`: boxes over a picture."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from wandbd.data_types._arrays import is_torch
from wandbd.data_types._files import Content
from wandbd.data_types._mask import DELIMITER, checked_labels
from wandbd.data_types._media import Media, Sender, compact, plain, say_in_config

_POSITION = "Each box must contain a position with: middle, width, and height or minX, maxX, minY, maxY."


class BoundingBoxes2D(Media):
    """Boxes over a picture: `{"box_data": [{"position": {...}, "class_id": 1, ...}], "class_labels": {1: "car"}}`."""

    _log_type = "bounding-boxes"
    _dir = "metadata/boxes2D"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        """Take boxes named `key`.

        Raises:
            TypeError: A part of them is not as it must be; the message says which.
        """
        super().__init__()
        for box in val.get("box_data", []):
            middle = box.get("position", {}).get("middle")
            if is_torch(middle):
                box["position"]["middle"] = middle.tolist()
        self.validate(val)
        self._key = key
        self._val: Any = plain(val["box_data"])
        labels = val.get("class_labels")
        if labels is None:
            labels = {number: f"class_{number}" for number in sorted({int(box["class_id"]) for box in val["box_data"]})}
        self._class_labels: Mapping[Any, str] = labels
        self._text = Content(compact(val))

    def validate(self, val: Mapping[str, Any]) -> bool:
        """Look whether boxes are as they must be.

        Raises:
            TypeError: They are not.
        """
        checked_labels(val.get("class_labels") or {}, "string")
        if not isinstance(val["box_data"], list):
            raise TypeError("Boxes must be a list")
        for box in val["box_data"]:
            _check(box)
        return True

    @classmethod
    def type_name(cls) -> str:
        """The name in JSON."""
        return "boxes2D"

    def _row_object(self, to: Sender) -> dict[str, Any]:
        return {"_type": "boxes2D"}

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        return {"dir": self._dir, "extension": ".boxes2D.json", **self._text.fields(id)}

    def _labels_at(self, to: Sender) -> None:
        key = f"{to.key}{DELIMITER}{self._key}"
        value = {"type": "bounding_box/class_labels", "key": key, "value": self._class_labels}
        say_in_config(to, "bounding_box/class_labels", key, value)

    @classmethod
    def from_json(cls, json_obj: Any, source_artifact: Any) -> BoundingBoxes2D:
        """The boxes that an artifact holds."""
        return cls({"box_data": json_obj}, "")

    def __eq__(self, other: object) -> bool:
        """With the same boxes."""
        return isinstance(other, BoundingBoxes2D) and self._val == other._val

    __hash__ = Media.__hash__


def _number(of: Mapping[str, Any], key: str) -> bool:
    return key in of and isinstance(of[key], numbers.Number)


def _check(box: Mapping[str, Any]) -> None:
    position = box.get("position")
    if position is None:
        raise TypeError(_POSITION)
    middle = position.get("middle")
    by_middle = middle is not None and len(middle) == 2 and _number(position, "width") and _number(position, "height")
    if not by_middle and not all(_number(position, name) for name in ("minX", "maxX", "minY", "maxY")):
        raise TypeError(_POSITION)
    scores = box.get("scores", {})
    if not isinstance(scores, dict):
        raise TypeError("Box scores must be a dictionary")
    for key, value in scores.items():
        if not isinstance(key, str):
            raise TypeError("A score key must be a string")
        if not isinstance(value, numbers.Number):
            raise TypeError("A score value must be a number")
    if "class_id" in box and not isinstance(box["class_id"], int):
        raise TypeError("A box's class_id must be an integer")
    if "box_caption" in box and not isinstance(box["box_caption"], str):
        raise TypeError("A box's caption must be a string")
