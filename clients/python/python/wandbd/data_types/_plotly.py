"""`Plotly` and `Bokeh`: plots as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from wandbd._errors import Error
from wandbd.data_types import _figures
from wandbd.data_types._files import Content, UserFile
from wandbd.data_types._media import Media, Sender, compact


class Plotly(Media):
    """A figure of plotly, or one of matplotlib that plotly can draw."""

    _log_type = "plotly-file"
    _dir = "plotly"

    def __init__(self, val: Any) -> None:
        """Take a figure.

        Raises:
            ValueError: It is none, or it shows pictures.
        """
        super().__init__()
        if not _is_plotly(val):
            if not _is_matplotlib(val):
                raise ValueError(
                    "Logged plots must be plotly figures, or matplotlib plots convertible to plotly via mpl_to_plotly"
                )
            if _figures.contains_images(val):
                raise ValueError(
                    "Plotly does not currently support converting matplotlib figures containing images. "
                    "You can convert the plot to a static image with `wandb.Image(plt)`"
                )
            val = _figures.to_plotly(val)
        self._text = Content(compact(val.to_plotly_json()))

    @classmethod
    def make_plot_media(cls, val: Any) -> Media:
        """A figure of plotly or matplotlib; a picture where plotly cannot draw it or is not there."""
        if _is_matplotlib(val):
            from wandbd.data_types._image import Image

            if _figures.contains_images(val):
                return Image(val)
            try:
                val = _figures.to_plotly(val)
            except Exception as error:  # plotly's own trouble with some figures, or no plotly
                from wandbd._term import termwarn

                termwarn(f"A figure of matplotlib is logged as a picture, not as a plot: {error}", repeat=False)
                return Image(_figures.figure(val))
        return cls(val)

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        return {"dir": self._dir, "extension": ".plotly.json", **self._text.fields(id)}


def _is_plotly(value: Any) -> bool:
    return type(value).__module__.startswith("plotly.") and type(value).__name__.endswith("Figure")


def _is_matplotlib(value: Any) -> bool:
    if type(value).__name__ == "module":
        return str(value.__name__).startswith("matplotlib.")
    return type(value).__module__.startswith("matplotlib.")


class Bokeh(Media):
    """A plot of Bokeh."""

    _log_type = "bokeh-file"
    _column_type = "bokeh-file"
    _dir = "bokeh"

    def __init__(self, data_or_path: Any) -> None:
        """Take a document or model of Bokeh, or the path of a JSON file.

        Raises:
            Error: Bokeh is not there.
            TypeError: It is none of these.
        """
        super().__init__()
        self._source: UserFile | Content
        self.b_obj: Any = None
        try:
            import bokeh.document
            import bokeh.model
        except ImportError:
            raise Error("'Bokeh' requires the bokeh package.  Please install it with `pip install bokeh`.") from None
        if isinstance(data_or_path, (str, os.PathLike)) and os.path.exists(data_or_path):
            self._path = os.fspath(data_or_path)
            with open(self._path, encoding="utf-8") as file:
                self.b_obj = bokeh.document.Document.from_json(json.load(file))
            self._source = UserFile(self._path)
            return
        if isinstance(data_or_path, bokeh.model.Model):
            document = bokeh.document.Document()
            document.add_root(data_or_path)
            data_or_path = bokeh.document.Document.from_json(_document_json(document))
        elif not isinstance(data_or_path, bokeh.document.Document):
            raise TypeError("Bokeh constructor accepts Bokeh document/model or path to Bokeh json file")
        self.b_obj = data_or_path
        data = _document_json(self.b_obj)
        roots = data.get("roots")
        if isinstance(roots, dict) and "references" in roots:
            roots["references"].sort(key=lambda item: item["id"])
        self._source = Content(compact(data))

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        return {"dir": self._dir, "extension": ".bokeh.json", **self._source.fields(id)}

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Bokeh:
        """The plot that an artifact holds."""
        return cls(source_artifact.get_entry(json_obj["path"]).download())


def _document_json(document: Any) -> Any:
    try:
        return document.to_json(deferred=False)
    except TypeError:  # Bokeh before 3.9
        return document.to_json()
