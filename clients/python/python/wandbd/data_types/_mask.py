"""`ImageMask`: a class id for each pixel of a picture."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from wandbd.data_types._arrays import array_of, is_torch, raw
from wandbd.data_types._files import UserFile
from wandbd.data_types._media import Media, Sender, say_in_config
from wandbd.data_types._pixels import Pixels, opened

DELIMITER = "_wandb_delimeter_"
"""W&B's spelling."""


def checked_labels(labels: Mapping[Any, Any], what: str) -> None:
    """Class labels are texts by number.

    Raises:
        TypeError: One is not.
    """
    for key, value in labels.items():
        if not isinstance(key, numbers.Number) or not isinstance(value, str):
            raise TypeError(f"Class labels must be a dictionary of numbers to {what}")


class ImageMask(Media):
    """A mask over a picture: `{"mask_data": 2-D array, "class_labels": {0: "road"}}` or `{"path": file}`."""

    _log_type = "mask"
    _dir = "images/mask"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        """Take a mask named `key`.

        Raises:
            KeyError: There is neither an array nor a file.
            TypeError: It is no 2-D array of numbers from 0 to 255, or the labels are no texts by number.
        """
        super().__init__()
        self._key = key
        self._class_labels: Mapping[Any, str] | None = None
        self._source: Pixels | UserFile
        if "path" in val:
            self._path = str(val["path"])
            self._source = UserFile(self._path)
            return
        if "mask_data" not in val:
            raise KeyError(
                'Missing key "mask_data": An image mask requires mask data: a 2D array representing the predictions'
            )
        data = val["mask_data"]
        if is_torch(data):
            data = data.cpu()
        array = array_of(data)
        numbers_ = raw(data)
        if len(numbers_.shape) != 2:
            raise TypeError("mask_data must be a 2D array")
        if not _in_range(array, numbers_):
            raise TypeError("Mask data must be integers between 0 and 255")
        labels = val.get("class_labels")
        if labels is None:
            labels = {number: f"class_{number}" for number in _ids(array, numbers_)}
        checked_labels(labels, "strings")
        self._class_labels = labels
        self._source = Pixels(numbers_, (numbers_.shape[1], numbers_.shape[0]))

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        extension = ".mask.png" if self._path is None else "." + self._path.rsplit(".", 1)[-1]
        return {"dir": self._dir, "extension": extension, **self._source.fields(id)}

    def _labels_at(self, to: Sender) -> None:
        if self._class_labels is not None:
            key = f"{to.key}{DELIMITER}{self._key}"
            value = {"type": "mask/class_labels", "key": key, "value": self._class_labels}
            say_in_config(to, "mask/class_labels", key, value)

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> ImageMask:
        """The mask that an artifact holds."""
        return cls({"path": source_artifact.get_entry(json_obj["path"]).download()}, key="")

    @classmethod
    def type_name(cls) -> str:
        """The name in JSON."""
        return "mask"

    def __eq__(self, other: object) -> bool:
        """With the same pixels."""
        if not isinstance(other, ImageMask):
            return False
        return self is other or list(opened(self._source).getdata()) == list(opened(other._source).getdata())

    __hash__ = Media.__hash__


def _in_range(array: Any, held: Any) -> bool:
    if held.dtype in ("|u1", "|b1"):
        return True
    if array is not None:
        return bool(array.size == 0 or (array.min() >= 0 and array.max() <= 255))
    return all(0 <= number <= 255 for number in _flat(held))


def _ids(array: Any, held: Any) -> list[int]:
    if array is not None:
        import numpy

        return [int(number) for number in numpy.unique(array).astype(numpy.int32)]
    return sorted(set(map(int, _flat(held))))


def _flat(held: Any) -> Any:
    """The numbers of something that was no array of numpy."""
    from array import array

    letters = {
        "<f8": "d",
        "<f4": "f",
        "|i1": "b",
        "<i2": "h",
        "<u2": "H",
        "<i4": "i",
        "<u4": "I",
        "<i8": "q",
        "<u8": "Q",
    }
    return array(letters.get(held.dtype, "B"), bytes(held.data))
