"""Figures of matplotlib: as pictures, or as plots of plotly."""

from __future__ import annotations

from typing import Any

from wandbd._errors import Error
from wandbd.data_types._arrays import Raw


def figure(obj: Any) -> Any:
    """The figure of something of matplotlib; `pyplot` itself stands for the current one.

    Raises:
        ValueError: There is no figure.
    """
    from matplotlib.figure import Figure

    if type(obj).__name__ == "module":
        obj = obj.gcf()
    elif not isinstance(obj, Figure):
        found = getattr(obj, "figure", None)
        if not isinstance(found, Figure):
            raise ValueError("Only matplotlib.pyplot or matplotlib.pyplot.Figure objects are accepted.")
        obj = found
    return obj


def contains_images(obj: Any) -> bool:
    """Whether one of its axes shows a picture."""
    return any(len(axes.images) > 0 for axes in figure(obj).axes)


def picture(obj: Any, format: str) -> Any:
    """The figure as pixels, or as an encoded file for other formats than PNG."""
    from io import BytesIO

    from wandbd.data_types._pixels import Encoded, Pixels

    drawn = figure(obj)
    file = BytesIO()
    drawn.savefig(file, format="rgba" if format == "png" else format)
    width, height = (int(side) for side in drawn.bbox.size)
    if format == "png":
        data = file.getvalue()
        if len(data) == width * height * 4:
            return Pixels(Raw("|u1", (height, width, 4), data), (width, height))
        file = BytesIO()  # another resolution is set for saving
        drawn.savefig(file, format="png")
    from wandbd.data_types._pixels import _pil

    file.seek(0)
    return Encoded(file.getvalue(), _pil().open(file).size)


def to_plotly(obj: Any) -> Any:
    """The figure as one of plotly.

    Raises:
        Error: plotly is not there.
    """
    try:
        from plotly import tools
    except ImportError:
        raise Error(
            "plotly is required to log interactive plots, install with: `pip install plotly` or convert the plot to an "
            "image with `wandb.Image(plt)`"
        ) from None
    return tools.mpl_to_plotly(_without_legend_trouble(figure(obj)))


def _without_legend_trouble(drawn: Any) -> Any:
    """Plotly asks spines for a method that matplotlib has removed."""
    from matplotlib.spines import Spine

    spine: Any = Spine
    if not hasattr(spine, "is_frame_like"):
        spine.is_frame_like = lambda self: self.get_position() in (("outward", 0.0), "zero")
    return drawn
