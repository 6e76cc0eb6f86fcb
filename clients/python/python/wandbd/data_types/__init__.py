"""W&B's data types: `Image`, `Table`, `Histogram`, `Audio`, `Video`, `Html` and others.

An object is cheap to make: it copies what it is given or remembers a path. Encoding, binning and the files of tables
are the daemon's work. Parts of this module are loaded at their first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wandbd.data_types._audio import Audio as Audio
    from wandbd.data_types._boxes import BoundingBoxes2D as BoundingBoxes2D
    from wandbd.data_types._classes import Classes as Classes
    from wandbd.data_types._graph import Edge as Edge
    from wandbd.data_types._graph import Graph as Graph
    from wandbd.data_types._graph import Node as Node
    from wandbd.data_types._histogram import Histogram as Histogram
    from wandbd.data_types._html import Html as Html
    from wandbd.data_types._image import Image as Image
    from wandbd.data_types._joined import JoinedTable as JoinedTable
    from wandbd.data_types._joined import PartitionedTable as PartitionedTable
    from wandbd.data_types._mask import ImageMask as ImageMask
    from wandbd.data_types._media import BatchableMedia as BatchableMedia
    from wandbd.data_types._media import Media as Media
    from wandbd.data_types._media import WBValue as WBValue
    from wandbd.data_types._molecule import Molecule as Molecule
    from wandbd.data_types._object3d import Object3D as Object3D
    from wandbd.data_types._object3d import box3d as box3d
    from wandbd.data_types._plotly import Bokeh as Bokeh
    from wandbd.data_types._plotly import Plotly as Plotly
    from wandbd.data_types._table import Table as Table
    from wandbd.data_types._video import Video as Video

    ARTIFACT_TYPES: tuple[type[WBValue], ...]

__all__ = [
    "Audio",
    "BatchableMedia",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "Edge",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Node",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Table",
    "Video",
    "WBValue",
    "artifact_types",
    "box3d",
]

_HOMES = {
    "Audio": "_audio",
    "BatchableMedia": "_media",
    "Bokeh": "_plotly",
    "BoundingBoxes2D": "_boxes",
    "Classes": "_classes",
    "Edge": "_graph",
    "Graph": "_graph",
    "Histogram": "_histogram",
    "Html": "_html",
    "Image": "_image",
    "ImageMask": "_mask",
    "JoinedTable": "_joined",
    "Media": "_media",
    "Molecule": "_molecule",
    "Node": "_graph",
    "Object3D": "_object3d",
    "PartitionedTable": "_joined",
    "Plotly": "_plotly",
    "Table": "_table",
    "Video": "_video",
    "WBValue": "_media",
    "box3d": "_object3d",
}
_IN_ARTIFACTS = (
    "Bokeh", "JoinedTable", "PartitionedTable", "Table", "Classes", "ImageMask", "BoundingBoxes2D", "Audio", "Image",
    "Video", "Html", "Object3D", "Molecule",
)  # fmt: skip


def artifact_types() -> tuple[type, ...]:
    """The types that an artifact can hold as objects."""
    return tuple(_get(name) for name in _IN_ARTIFACTS)


def _load() -> None:
    for name in _HOMES:
        _get(name)


def _get(name: str) -> type:
    from importlib import import_module

    value: type = getattr(import_module(f"wandbd.data_types.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a part at its first use."""
        if name in _HOMES:
            return _get(name)
        if name == "ARTIFACT_TYPES":
            return artifact_types()
        names = __import__("wandbd._names", fromlist=["missing"])
        raise names.missing("module 'wandbd.data_types'", name, names.DATA_TYPES)

    def __dir__() -> list[str]:
        return sorted(__all__)
