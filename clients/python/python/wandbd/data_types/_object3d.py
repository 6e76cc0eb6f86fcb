"""`Object3D`: point clouds and models; `box3d`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from wandbd._errors import Error
from wandbd.data_types._arrays import Raw, array_of, of_numpy
from wandbd.data_types._files import Content, UserFile
from wandbd.data_types._media import BatchableMedia, Sender, compact

_SHAPE = (
    "The shape of the numpy array must be one of either: [[x y z], ...] nx3, [[x y z c], ...] nx4 where c is a "
    "category with supported range [1, 14], [[x y z r g b], ...] nx6 where rgb is color"
)


class Object3D(BatchableMedia):
    """A point cloud or a model. Points are copied when the object is made and written to a file in the daemon."""

    SUPPORTED_TYPES: ClassVar[set[str]] = {"obj", "gltf", "glb", "babylon", "stl", "pts.json"}
    SUPPORTED_POINT_CLOUD_TYPES: ClassVar[set[str]] = {"lidar/beta"}
    _log_type = "object3D-file"
    _column_type = "object3D-file"
    _dir = "object3D"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str | None) -> None:
        """Take an object.

        Args:
            data_or_path: Points of shape (n, 3), (n, 4) with categories or (n, 6) with colours; a dict of type
                `lidar/beta`; the path of a file, or a file object.
            caption: Shown with it.
            **kwargs: `file_type` of a file object without a name.

        Raises:
            ValueError: The shape or the type cannot be.
            OSError: There is no such file.
        """
        super().__init__(caption=caption)
        if hasattr(data_or_path, "name") and not isinstance(data_or_path, os.PathLike):
            data_or_path = data_or_path.name
        self._source: UserFile | Content | Raw
        self._extension = ".pts.json"
        if hasattr(data_or_path, "read"):
            self._of_file_object(data_or_path, kwargs.get("file_type"))
        elif isinstance(data_or_path, (str, os.PathLike)):
            self._of_path(os.fspath(data_or_path))
        elif isinstance(data_or_path, dict) and "type" in data_or_path:
            if data_or_path["type"] not in self.SUPPORTED_POINT_CLOUD_TYPES:
                raise ValueError("Type not supported, only 'lidar/beta' is currently supported")
            parts = {name: data_or_path.get(name, []) for name in ("vectors", "points", "boxes")}
            self._source = Content(compact({"type": data_or_path["type"], **parts}))
        else:
            points = array_of(data_or_path)
            if points is None or isinstance(data_or_path, dict):
                raise ValueError("data must be a numpy array, dict or a file object")
            if points.ndim != 2 or points.shape[1] not in (3, 4, 6):
                raise ValueError(_SHAPE)
            self._source = of_numpy(points).held()

    def _of_file_object(self, file: Any, kind: str | None) -> None:
        if hasattr(file, "seek"):
            file.seek(0)
        if kind is None:
            raise ValueError("Must pass file type keyword argument when using io objects.")
        if kind not in self.SUPPORTED_TYPES:
            raise ValueError(
                "Object 3D only supports numpy arrays or files of the type: " + ", ".join(self.SUPPORTED_TYPES)
            )
        self._extension = f".{kind}"
        self._source = Content(file.read())

    def _of_path(self, path: str) -> None:
        kind = next((kind for kind in self.SUPPORTED_TYPES if path.endswith(kind)), None)
        if kind is None:
            raise ValueError(
                f"File '{path}' is not compatible with Object3D: supported types are: "
                + ", ".join(self.SUPPORTED_TYPES)
            )
        self._path = path
        self._extension = f".{kind}"
        self._source = UserFile(path)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """An object from a file or a file object."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """A point cloud from an array of shape (n, 3), (n, 4) or (n, 6).

        Raises:
            ValueError: It is none.
        """
        if isinstance(data, (str, dict)) or array_of(data) is None:
            raise ValueError("`data` must be a numpy array")
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Object3D:
        """A point cloud with boxes and vectors.

        Raises:
            ValueError: There is no such type of point clouds.
        """
        if point_cloud_type not in cls.SUPPORTED_POINT_CLOUD_TYPES:
            raise ValueError("Point cloud type not supported")
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        fields: dict[str, Any] = {"dir": self._dir, "extension": self._extension}
        if isinstance(self._source, Raw):
            return {**fields, "points": self._source.fields()}
        return {**fields, **self._source.fields(id)}

    def _extras(self) -> Any:
        if self._extension != ".pts.json":
            raise ValueError("Non-point cloud 3D objects are not yet supported with Artifacts")
        return iter(())

    @classmethod
    def _list_in_row(cls, items: Sequence[Object3D], to: Sender) -> dict[str, Any]:
        return {
            "_type": "object3D",
            "filenames": [item._place(to, "name") for item in items],
            "count": len(items),
            "objects": [item._place(to) for item in items],
        }


def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any,
    color: tuple[Any, Any, Any],
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """A box in a point cloud.

    Args:
        center: Its middle (x, y, z).
        size: Its lengths along its own axes.
        orientation: A quaternion (r, x, y, z), not zero, that turns the world's axes into its own.
        color: Red, green and blue, from 0 to 1.
        label: Its name.
        score: How sure one is of it.

    Raises:
        ValueError: The quaternion is zero.
        Error: numpy is not there.
    """
    try:
        import numpy
    except ImportError:
        raise Error("wandb.Object3D requires NumPy. To get it, run 'pip install numpy'.") from None
    middle, lengths, turn = (numpy.asarray(item, "float64") for item in (center, size, orientation))
    assert middle.shape == (3,)
    assert lengths.shape == (3,)
    assert turn.shape == (4,)
    corners = numpy.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], "float64")
    placed = middle + (0.5 * lengths * corners) @ _rotation(turn)
    return {"corners": tuple(map(tuple, placed)), "color": color, "label": label, "score": score}


def _rotation(turn: Any) -> Any:
    """The matrix of a quaternion, for points as rows."""
    import numpy

    turn = abs(turn)  # as W&B's client does
    largest = turn.max()
    if largest == 0:
        raise ValueError("Unexpected zero quaternion.")
    turn = turn / largest
    r, i, j, k = turn / numpy.linalg.norm(turn)
    return numpy.array(
        [
            [1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)],
            [2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)],
            [2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)],
        ]
    )
