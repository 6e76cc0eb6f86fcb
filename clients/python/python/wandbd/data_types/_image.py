"""`Image`: a picture from an array, a tensor, PIL, matplotlib, a file or an address, with boxes and masks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from wandbd.data_types import _pixels
from wandbd.data_types._files import UserFile
from wandbd.data_types._media import BatchableMedia, Sender, WBValue

if TYPE_CHECKING:
    from wandbd.data_types._boxes import BoundingBoxes2D
    from wandbd.data_types._classes import Classes
    from wandbd.data_types._mask import ImageMask
    from wandbd.data_types._types import Type


class Image(BatchableMedia):
    """A picture.

    The pixels are copied when the object is made; they become a file in the daemon.
    """

    MAX_ITEMS = 108
    MAX_DIMENSION: ClassVar[int] = 65500
    _log_type = "image-file"
    _dir = "images"

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, BoundingBoxes2D | dict[str, Any]] | None = None,
        masks: Mapping[str, ImageMask | dict[str, Any]] | None = None,
        file_type: str | None = None,
    ) -> None:
        """Take a picture.

        Args:
            data_or_path: An array of (height, width) or (height, width, 1, 3 or 4) with values from 0 to 255, a tensor
                of torch of (channels, height, width), a picture of PIL, a figure of matplotlib, or the path of a file.
            mode: Of PIL; found by the shape without it.
            caption: Shown below the picture.
            grouping: Old.
            classes: Names of the class ids of boxes and masks.
            boxes: Boxes by their name.
            masks: Masks by their name.
            file_type: `png` (the default), `jpg`, `jpeg` or `bmp`; of arrays and PIL's pictures.

        Raises:
            ValueError: The shape or the type is none of a picture.
            OSError: There is no such file.
        """
        super().__init__(caption=caption)
        self._grouping: int | None = None
        self._classes: Classes | None = None
        self._boxes: dict[str, BoundingBoxes2D] | None = None
        self._masks: dict[str, ImageMask] | None = None
        self._width: int | None = None
        self._height: int | None = None
        self._image: Any = None
        self._picture: Any = None
        self.format: str | None = None
        if isinstance(data_or_path, Image):
            self._copy(data_or_path)
        elif isinstance(data_or_path, (str, os.PathLike)):
            self._of_path(os.fspath(data_or_path))
        else:
            self._of_data(data_or_path, mode, file_type)
        if caption is not None:
            self._caption = caption
        if grouping is not None:
            self._grouping = grouping
        self._describe(classes, boxes, masks)

    def _copy(self, other: Image) -> None:
        for name in ("_grouping", "_caption", "_classes", "_width", "_height", "_image", "_picture", "_path", "format"):
            setattr(self, name, getattr(other, name))
        self._artifact_source, self._artifact_target = other._artifact_source, other._artifact_target

    def _of_path(self, path: str) -> None:
        self._path = path
        if self.path_is_reference(path):
            name = path.split("?", 1)[0].split("#", 1)[0].rsplit("/", 1)[-1]
            self.format = name.rsplit(".", 1)[-1]
            return
        self._picture = UserFile(path)
        self.format = os.path.splitext(path)[1][1:]

    def _of_data(self, data: Any, mode: str | None, file_type: str | None) -> None:
        self.format = file_type or "png"
        if self.format not in _pixels.FORMATS:
            raise ValueError(f"file_type must be one of {list(_pixels.FORMATS)}")
        self._picture = _pixels.picture(data, mode, self.format)
        self._width, self._height = self._picture.size

    def _describe(self, classes: Any, boxes: Any, masks: Any) -> None:
        if not boxes and not masks and classes is None:
            return
        from wandbd.data_types._boxes import BoundingBoxes2D
        from wandbd.data_types._classes import Classes
        from wandbd.data_types._mask import ImageMask

        names: dict[Any, str] = {}
        if boxes:
            if not isinstance(boxes, dict):
                raise ValueError('Images "boxes" argument must be a dictionary')
            self._boxes = {
                key: value if isinstance(value, BoundingBoxes2D) else BoundingBoxes2D(value, key)
                for key, value in boxes.items()
            }
            for box in self._boxes.values():
                names.update(box._class_labels)
        if masks:
            if not isinstance(masks, dict):
                raise ValueError('Images "masks" argument must be a dictionary')
            self._masks = {
                key: value if isinstance(value, ImageMask) else ImageMask(value, key) for key, value in masks.items()
            }
            for mask in self._masks.values():
                names.update(mask._class_labels or {})
        if classes is not None:
            names.update({item["id"]: item["name"] for item in getattr(classes, "_class_set", classes)})
        if names:
            self._classes = Classes([{"id": id, "name": name} for id, name in names.items()])

    # Sending

    def _described(self) -> dict[str, Any]:
        found: dict[str, Any] = {**self._base(), "_type": self._log_type, "format": self.format}
        if self._width is not None:
            found.update(width=self._width, height=self._height)
        if self._grouping:
            found["grouping"] = self._grouping
        return found

    def _row_object(self, to: Sender) -> dict[str, Any]:
        if self.path_is_reference(self._path):
            if isinstance(self._path, str) and self._artifact_paths():
                return {**self._described(), **self._artifact_paths()}
        return {**self._described(), **self._artifact_paths(), **self._layers(to, row=True)}

    def _layers(self, to: Sender | None, row: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._boxes:
            found["boxes"] = {
                key: box._place(to) if row and to is not None else box._val for key, box in self._boxes.items()
            }
        if self._masks and to is not None:
            found["masks"] = {key: mask._place(to) for key, mask in self._masks.items()}
        return found

    def _artifact_object(self) -> dict[str, Any]:
        return self._described()

    def _artifact_in(self, to: Sender) -> dict[str, Any]:
        found = {**self._described(), **self._layers(to, row=False)}
        if self._classes is not None:
            found["classes"] = self._classes._file(self._classes._picture_path())
        return found

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        if self.path_is_reference(self._path):
            return {"dir": self._dir, "extension": f".{self.format}", "reference": self._path}
        fields = {"dir": self._dir, "extension": f".{self.format}" if self.format else "", **self._picture.fields(id)}
        if self._width is None:
            fields["measure"] = True
        return fields

    def _labels(self, to: Sender) -> None:
        for box in (self._boxes or {}).values():
            box._labels_at(to)
        for mask in (self._masks or {}).values():
            mask._labels_at(to)

    def _in_row(self, to: Sender) -> Any:
        if self.path_is_reference(self._path) and not self._artifact_paths():
            raise ValueError(
                "Image media created by a reference to external storage cannot currently be added to a run"
            )
        self._labels(to)
        return self._place(to)

    def _extras(self) -> Iterator[tuple[str, WBValue]]:
        if (self._masks is not None or self._boxes is not None) and self._classes is None:
            raise ValueError(
                "classes must be passed to wandb.Image which have masks or bounding boxes when adding to artifacts"
            )
        if self._classes is not None:
            yield self._classes._picture_path(), self._classes

    @classmethod
    def _list_in_row(cls, items: Sequence[Image], to: Sender) -> dict[str, Any]:
        places = [item._in_row(to) for item in items]
        first = items[0]
        sizes = {(item._width, item._height) for item in items}
        if len(sizes) > 1 and not any(None in size for size in sizes):
            from wandbd._term import termwarn

            termwarn(
                "Image sizes do not match. This will cause images to be displayed incorrectly in the UI.", repeat=False
            )
        found: dict[str, Any] = {
            "_type": "images/separated",
            "width": first._width if first._width is not None else {**places[0], "as": "width"},
            "height": first._height if first._height is not None else {**places[0], "as": "height"},
            "format": first.format,
            "count": len(items),
            "filenames": [{**place, "as": "path"} for place in places],
        }
        captions = cls.captions(items)
        if captions:
            found["captions"] = captions
        for key, layers in (
            ("all_masks", [item._masks for item in items]),
            ("all_boxes", [item._boxes for item in items]),
        ):
            if any(layers):
                found[key] = [
                    {name: layer._place(to) for name, layer in of_one.items()} if of_one else None for of_one in layers
                ]
        return found

    # Reading

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Image:
        """The picture that an artifact holds."""
        from wandbd.data_types._boxes import BoundingBoxes2D
        from wandbd.data_types._mask import ImageMask

        classes = json_obj.get("classes")
        masks = {}
        for key, mask in (json_obj.get("masks") or {}).items():
            masks[key] = ImageMask.from_json(mask, source_artifact)
            masks[key]._set_artifact_source(source_artifact)
            masks[key]._key = key
        boxes = {}
        for key, box in (json_obj.get("boxes") or {}).items():
            boxes[key] = BoundingBoxes2D.from_json(box, source_artifact)
            boxes[key]._key = key
        return cls(
            source_artifact.get_entry(json_obj["path"]).download(),
            caption=json_obj.get("caption"),
            grouping=json_obj.get("grouping"),
            classes=source_artifact.get(classes["path"]) if classes is not None else None,
            boxes=boxes or None,
            masks=masks or None,
        )

    @property
    def image(self) -> Any:
        """The picture of PIL; it needs PIL."""
        if self._image is None and self._picture is not None:
            self._image = _pixels.opened(self._picture)
        return self._image

    def to_data_array(self) -> list[Any]:
        """Rows of pixels."""
        picture = self.image
        if picture is None:
            return []
        data, width = list(picture.getdata()), picture.width
        return [data[at : at + width] for at in range(0, len(data), width)]

    def _type(self) -> Type:
        from wandbd.data_types._columns import ImageFile

        boxes, masks = self._boxes or {}, self._masks or {}
        names = {key: mask._class_labels for key, mask in masks.items() if mask._class_labels is not None}
        return ImageFile(
            box_layers={str(key): set(box._class_labels) for key, box in boxes.items()},
            box_score_keys={score for box in boxes.values() for one in box._val for score in one.get("scores", {})},
            mask_layers={str(key): set(names.get(key, ())) for key in masks},
            box_class_maps={key: box._class_labels for key, box in boxes.items()},
            mask_class_maps=names,
            class_map={str(item["id"]): item["name"] for item in self._classes._class_set} if self._classes else {},
        )

    @staticmethod
    def _empty_type() -> Type:
        from wandbd.data_types._columns import ImageFile

        return ImageFile()

    def __eq__(self, other: object) -> bool:
        """With the same pixels, caption and classes."""
        if not isinstance(other, Image):
            return False
        if self.path_is_reference(self._path) and self.path_is_reference(other._path):
            return self._path == other._path
        mine, theirs = self.image, other.image
        return (
            self._grouping == other._grouping
            and self._caption == other._caption
            and self._classes == other._classes
            and (mine is None) == (theirs is None)
            and (mine is None or (mine.size == theirs.size and list(mine.getdata()) == list(theirs.getdata())))
        )

    __hash__ = WBValue.__hash__
